//! The YAML files against the code (edge types column by column, every option with its node's own parser), and which modules may use
//! which.
#![cfg(test)]

use arrow::datatypes::{DataType, Field};
use clap::{CommandFactory, Parser};
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn dataflows() -> PathBuf {
    tests::checkout().join("dataflows")
}

fn yaml(path: PathBuf) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn column(field: &Field) -> (String, String, bool) {
    let kind = match field.data_type() {
        DataType::LargeList(item) => format!("List<{}>", item.data_type()),
        other => other.to_string(),
    };
    (field.name().clone(), kind, field.is_nullable())
}

#[test]
fn the_types_dora_checks_are_the_types_we_send() {
    let declared = yaml(dataflows().join("types/imagery/v1.yml"));
    let declared = declared["types"].as_mapping().unwrap();
    assert_eq!(declared.len(), plugin_api::edges::REGISTRY.len());
    for (name, fields) in plugin_api::edges::REGISTRY {
        let ours: Vec<_> = fields().iter().map(|f| column(f)).collect();
        let theirs: Vec<_> = declared[*name]["fields"]
            .as_sequence()
            .unwrap()
            .iter()
            .map(|f| {
                let text = |key: &str| f[key].as_str().unwrap().to_owned();
                (text("name"), text("type"), f["nullable"].as_bool().unwrap())
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn nobody_waits_for_the_page() {
    let graph = yaml(dataflows().join("pipeline.yml"));
    let nodes = graph["nodes"].as_sequence().unwrap();
    let page = nodes.iter().find(|node| node["id"] == "dashboard").unwrap();
    assert!(page["outputs"].is_null(), "it reads, and says nothing");
    let text = serde_yaml::to_string(&nodes).unwrap();
    assert!(!text.contains("dashboard/"), "a node reads from it");
}

type Parse = fn(&[String]) -> Result<(), clap::Error>;

fn parse<C: Parser>(args: &[String]) -> Result<(), clap::Error> {
    C::try_parse_from(args).map(|_| ())
}

/// A node's program, its parser, and the command that the parser has.
type NodeOptions = (&'static str, Parse, fn() -> clap::Command);

/// Every node of the graphs: its parser and its options.
const NODES: &[NodeOptions] = &[
    ("watch", parse::<node_watch::Config>, node_watch::Config::command),
    ("decode", parse::<node_decode::Config>, node_decode::Config::command),
    ("hash", parse::<node_hash::Config>, node_hash::Config::command),
    ("resize", parse::<node_resize::Config>, node_resize::Config::command),
    ("dataset", parse::<node_dataset::Config>, node_dataset::Config::command),
    ("augment", parse::<node_augment::Config>, node_augment::Config::command),
    ("cache", parse::<node_cache::Config>, node_cache::Config::command),
    ("train", parse::<node_train::Config>, node_train::Config::command),
    ("search", parse::<node_search::Config>, node_search::Config::command),
    ("evaluate", parse::<node_evaluate::Config>, node_evaluate::Config::command),
    ("mirror", parse::<node_mirror::Config>, node_mirror::Config::command),
    ("predict", parse::<node_predict::Config>, node_predict::Config::command),
    ("inspect", parse::<node_inspect::Config>, node_inspect::Config::command),
    ("dashboard", parse::<node_dashboard::Config>, node_dashboard::Config::command),
    ("embed", parse::<node_embed::Config>, node_embed::Config::command),
    ("gather", parse::<node_gather::Config>, node_gather::Config::command),
];

#[test]
fn option_tables_are_those_of_the_nodes() {
    let path = dataflows().join("README.md");
    let sections: Vec<_> = NODES.iter().map(|(name, _, options)| plugin_harness::markdown(name, &options())).collect();
    let text = std::fs::read_to_string(&path).unwrap();
    for section in &sections {
        let name = section.lines().next().unwrap_or_default();
        assert!(
            text.contains(section),
            "{}: {name}: the table is not that of the node; build the nodes, then: cargo wakuteka options --write",
            path.display()
        );
    }
    assert!(text.contains(&sections.join("\n")), "{}: cargo wakuteka options --write", path.display());
}

/// What `import-nnc` makes of a project's settings.
#[test]
fn options_of_nnc_projects_are_the_nodes_own() {
    let projects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/nnc/tests/projects");
    let text = std::fs::read_to_string(projects.join("everything.sdcproj")).unwrap();
    let project = plugin_nnc::import_project("everything", &text).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let network = folder.path().join("everything.yml");
    std::fs::write(&network, &project.network).unwrap();
    for line in project.options.yaml().lines() {
        let (node, options) = line.split_once(": ").unwrap();
        let (_, parse, _) =
            NODES.iter().find(|(name, ..)| *name == node).unwrap_or_else(|| panic!("{node}: no parser"));
        let options = options.replace("everything.yml", network.to_str().unwrap());
        let args: Vec<String> = std::iter::once(node).chain(options.split_whitespace()).map(str::to_owned).collect();
        parse(&args).unwrap_or_else(|e| panic!("{line}: {e}"));
    }
}

#[test]
fn every_option_in_the_graph_is_one_its_node_knows() {
    let is_yaml = |file: &std::fs::DirEntry| file.path().extension().is_some_and(|ending| ending == "yml");
    for file in std::fs::read_dir(dataflows()).unwrap().flatten().filter(is_yaml) {
        let nodes = yaml(file.path());
        for node in nodes["nodes"].as_sequence().unwrap() {
            // By the program: the same one may stand in a graph under several ids.
            let program = Path::new(node["path"].as_str().unwrap()).file_name().unwrap().to_str().unwrap();
            let id = node["id"].as_str().unwrap();
            let parser = NODES.iter().find(|(name, ..)| *name == program);
            let (_, parse, _) = parser.unwrap_or_else(|| panic!("{program}: no parser"));
            let args = node["args"].as_str().unwrap_or_default().split_whitespace().map(str::to_owned);
            let args: Vec<String> = std::iter::once(id.to_owned()).chain(args).collect();
            parse(&args).unwrap_or_else(|e| panic!("{}: {id}: {e}", file.path().display()));
            let wrong = [args.clone(), vec!["--no-such-option".to_owned()]].concat();
            assert!(parse(&wrong).is_err(), "{id} takes an option it does not know");
        }
    }
}

/// SQLite is behind one crate a database: the catalog behind `plugin-catalog`, what `gather` and `predict` write down for
/// themselves behind each of them; the page and an end-to-end test read `gather`'s.
#[test]
fn the_catalog_has_one_owner() {
    let allowed = ["plugins/catalog", "plugins/links", "nodes/gather", "nodes/predict", "nodes/dashboard", "tests"];
    let checkout = tests::checkout();
    let mut crates = vec!["tests".to_owned()];
    for folder in ["nodes", "plugins"] {
        let entries = std::fs::read_dir(checkout.join(folder)).unwrap().flatten();
        crates.extend(entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
    }
    let mut seen = 0;
    for name in &crates {
        let Ok(manifest) = std::fs::read_to_string(checkout.join(name).join("Cargo.toml")) else { continue };
        seen += 1;
        let is_used = manifest.lines().any(|line| line.starts_with("rusqlite"));
        assert!(
            !is_used || allowed.contains(&name.as_str()),
            "{name} depends on rusqlite: read through plugin-catalog"
        );
        let mut folders = vec![checkout.join(name).join(if name == "tests" { "src" } else { "" })];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") && name != "plugins/catalog" {
                    let source = std::fs::read_to_string(&path).unwrap();
                    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
                    let is_its_path = |line: &&str| {
                        line.contains("(\"catalog.sqlite\")") || line.contains("(\"dataset/catalog.sqlite\")")
                    };
                    let opens = code.filter(is_its_path).count();
                    // Tests and benchmarks put one into a folder of their own.
                    let text = path.display();
                    assert!(
                        opens == 0 || is_aside(&path),
                        "{text} names the file of the catalog: open it by plugin-catalog"
                    );
                }
            }
        }
    }
    assert!(seen > 20, "{seen} crates are looked at");
}

/// Tests and benchmarks.
fn is_aside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.contains("tests")
        || path.components().any(|part| ["tests", "examples", "bin"].iter().any(|of| part.as_os_str() == *of))
}

/// Every crate of the checkout: `nodes/train`, `plugins/api`.
fn crates(checkout: &Path) -> Vec<PathBuf> {
    let entries = ["nodes", "plugins"].iter().flat_map(|folder| std::fs::read_dir(checkout.join(folder)).unwrap());
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.join("src").is_dir()).collect()
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

/// Names that `pub use` statements of a `lib.rs` bring in, and those of its private ones.
fn names_used(lib: &str) -> BTreeSet<String> {
    let starts_use = |line: &&str| ["use ", "pub use ", "pub(crate) use "].iter().any(|start| line.starts_with(start));
    let mut names = BTreeSet::new();
    for (at, _) in lib.match_indices("use ") {
        let line = &lib[lib[..at].rfind('\n').map_or(0, |end| end + 1)..];
        let Some(statement) = Some(line).filter(starts_use).and_then(|line| line.split(';').next()) else { continue };
        let last = |part: &str| part.trim().rsplit("::").next().unwrap_or_default().trim().to_owned();
        names.extend(statement.split([',', '{', '}']).map(last).filter(|name| !name.is_empty()));
    }
    names
}

/// Names that `use crate::…` statements take from the root of the crate.
fn names_from_root(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, start) in source.match_indices("use crate::") {
        let Some(statement) = source[at + start.len()..].split(';').next() else { continue };
        if !statement.starts_with('{') {
            names.push(statement.to_owned());
            continue;
        }
        let mut depth = 0;
        let mut name = String::new();
        for letter in statement.chars().chain([',']) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth <= 1 => names.push(std::mem::take(&mut name)),
                letter if depth <= 1 => name.push(letter),
                _ => {}
            }
        }
    }
    let plain = names.iter().filter(|name| !name.contains("::"));
    plain.map(|name| name.split(" as ").next().unwrap_or_default().trim().to_owned()).collect()
}

#[test]
fn names_from_the_root_are_found() {
    let source = "use crate::{A, b::{C, D}, e as F};\nuse crate::g::{H, J};\nuse crate::I;";
    assert_eq!(names_from_root(source), ["A", "e", "I"]);
    let lib = "mod a;\npub use a::{A, b::C};\nuse std::fmt;\npub use d::D;";
    assert_eq!(names_used(lib).into_iter().collect::<Vec<_>>(), ["A", "C", "D", "fmt"]);
}

/// A module imports what another module defines from there, not through `lib.rs`: otherwise each would depend on all that the crate
/// shows, and nobody could tell which modules need which.
#[test]
fn modules_import_from_where_things_are_defined() {
    let mut through_lib = Vec::new();
    for folder in crates(&tests::checkout()) {
        let src = folder.join("src");
        let Ok(lib) = std::fs::read_to_string(src.join("lib.rs")) else { continue };
        let shown = names_used(&lib);
        for file in rust_files(&src).into_iter().filter(|file| *file != src.join("lib.rs")) {
            let source = std::fs::read_to_string(&file).unwrap();
            let names = names_from_root(&source).into_iter().filter(|name| shown.contains(name));
            through_lib.extend(names.map(|name| format!("{}: crate::{name}", file.display())));
        }
    }
    assert!(through_lib.is_empty(), "{through_lib:#?}");
}

/// A Rust file without comments and without what is there for tests alone. As rustfmt writes it, an item ends at the first line of its
/// own depth that closes a brace or ends in `;` or `,`.
fn shipped_code(source: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.starts_with("#[cfg(test)]") || text.starts_with("#[cfg(all(test") {
            let is_its_end = |at: &&str| {
                let text = at.trim();
                depth(at) == depth(line)
                    && !text.starts_with('#')
                    && (text.starts_with('}') || text.ends_with([';', ',']))
            };
            lines.by_ref().find(is_its_end);
        } else if !text.starts_with("//") {
            code.extend([line, "\n"]);
        }
    }
    code
}

/// Paths of what a `use` statement brings in: `a::b` and `a::c as d` of `a::{b, c as d}`.
fn paths_of(tree: &str) -> Vec<String> {
    let Some((start, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let group = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let mut depth = 0;
    let is_comma = |letter: char| {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        letter == ',' && depth == 0
    };
    let parts: Vec<&str> = group.split(is_comma).filter(|part| !part.trim().is_empty()).collect();
    parts.into_iter().flat_map(paths_of).map(|path| format!("{}{path}", start.trim())).collect()
}

/// The first name of each path that begins at the root of the crate, in a module so many levels below it.
fn from_root(code: &str, levels: usize) -> BTreeSet<String> {
    let starts = ["crate::".to_owned(), "super::".repeat(levels)];
    let mut names = BTreeSet::new();
    for start in &starts {
        for (at, _) in code.match_indices(start.as_str()) {
            let (before, after) = (&code[..at], &code[at + start.len()..]);
            if before.ends_with("super::") || before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
            {
                continue;
            }
            let tree = if after.starts_with('{') { after.split(';').next().unwrap_or_default() } else { after };
            let first = |path: String| {
                path.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().map(str::to_owned)
            };
            let paths = if after.starts_with('{') { paths_of(tree) } else { vec![after.chars().take(80).collect()] };
            names.extend(paths.into_iter().filter_map(first).filter(|name| !name.is_empty()));
        }
    }
    names
}

/// The shipped code of a module and of all modules in it, each with its path below the root.
fn modules_of(file: &Path, path: &[&str]) -> Vec<(Vec<String>, String)> {
    let code = shipped_code(&std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display())));
    let folder = if path.is_empty() { file.parent().unwrap().to_owned() } else { file.with_extension("") };
    let mut found = Vec::new();
    for line in code.lines() {
        let Some(name) = line.split_once("mod ").and_then(|(before, name)| {
            let is_item = before.is_empty() || before.starts_with("pub");
            name.strip_suffix(';').filter(|_| is_item)
        }) else {
            continue;
        };
        let name = name.trim_start_matches("r#");
        found.extend(modules_of(&folder.join(format!("{name}.rs")), &[path, &[name]].concat()));
    }
    found.push((path.iter().map(ToString::to_string).collect(), code));
    found
}

/// Which other top-level modules each top-level module of a crate uses, tests apart.
fn used_by_module(src: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let root = ["lib.rs", "main.rs"].map(|name| src.join(name)).into_iter().find(|file| file.exists()).unwrap();
    let modules = modules_of(&root, &[]);
    let mut used: BTreeMap<String, BTreeSet<String>> =
        modules.iter().filter_map(|(path, _)| path.first()).map(|name| (name.clone(), BTreeSet::new())).collect();
    // What the root shows of a module is that module's.
    let mut shown = BTreeMap::new();
    let (_, root) = modules.iter().find(|(path, _)| path.is_empty()).unwrap();
    for statement in root.split(';').filter_map(|part| part.rsplit_once("use ").map(|(_, tree)| tree)) {
        for path in paths_of(statement) {
            let names: Vec<&str> = path.trim_start_matches("crate::").split("::").collect();
            let last = names[names.len() - 1].rsplit(" as ").next().unwrap_or_default().trim();
            shown.insert(last.to_owned(), names[0].to_owned());
        }
    }
    for (path, code) in &modules {
        let Some(own) = path.first() else { continue };
        for name in from_root(code, path.len()) {
            let name = if used.contains_key(&name) { Some(&name) } else { shown.get(&name) };
            let Some(name) = name.filter(|name| *name != own && used.contains_key(*name)) else { continue };
            used.get_mut(own).unwrap().insert(name.clone());
        }
    }
    used
}

#[test]
fn uses_of_modules_are_found() {
    let source = "use crate::a::{A, b::B};\n// crate::no\n#[cfg(test)]\nmod tests {\n    use crate::no;\n}\nlet x = crate::c::d();\n";
    let code =
        shipped_code(&format!("{source}#[cfg(test)]\nuse crate::no;\nuse super::super::e::E;\nuse super::near;"));
    let found = |code: &str, levels: usize| from_root(code, levels).into_iter().collect::<Vec<_>>();
    assert_eq!(found(&code, 2), ["a", "c", "e"]);
    assert_eq!(found("use crate::{a::{A, B}, b as c, d::D};\nuse super::e::E;", 1), ["a", "b", "d", "e"]);
    assert_eq!(paths_of("a::{B, c::{D, E as F}}"), ["a::B", "a::c::D", "a::c::E as F"]);
}

/// Floors of a crate's modules, from the lowest: a module may use those of the floors below its own, and no other of its own floor.
type Floors = &'static [&'static [&'static str]];

const FLOORS: &[(&str, Floors)] = &[
    (
        "plugins/model",
        &[&["error"], &["native"], &["device"], &["input"], &["network"], &["weights"], &["infer", "train"]],
    ),
    (
        "nodes/watch",
        &[
            &["error", "fs"],
            &["config", "quarantine", "ledger", "delivery"],
            &["report"],
            &["state"],
            &["change_detector"],
        ],
    ),
    ("nodes/train", &[&["error"], &["config"], &["trigger", "io"], &["run"]]),
];

#[test]
fn modules_use_only_those_below_them() {
    let mut wrong = Vec::new();
    for (name, floors) in FLOORS {
        let floor_of = |module: &str| floors.iter().position(|floor| floor.contains(&module));
        for (module, uses) in used_by_module(&tests::checkout().join(name).join("src")) {
            let Some(own) = floor_of(&module) else { panic!("{name}: {module} is on no floor") };
            let is_above = |used: &&String| floor_of(used).is_none_or(|floor| floor >= own);
            wrong.extend(uses.iter().filter(is_above).map(|used| format!("{name}: {module} uses {used}")));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Modules that need each other, a line each; there are to be no more of them, and what is no circle any more is taken out.
const CIRCLES: &[(&str, &[&str])] = &[
    ("nodes/dashboard", &["decide", "look"]),
    ("nodes/dataset", &["different", "split"]),
    ("nodes/dataset", &["folds", "order"]),
    ("nodes/gather", &["gatherer", "lists"]),
    ("nodes/predict", &["arrange", "inbox", "labels", "tables"]),
    ("nodes/wakuteka", &["cli", "verify"]),
    ("nodes/wakuteka", &["overview", "progress"]),
    ("plugins/augment", &["colour", "crop", "decision", "erase", "flip", "rotate"]),
    ("plugins/decode", &["jpeg", "reduced"]),
];

#[test]
fn modules_of_a_crate_form_no_new_circles() {
    let checkout = tests::checkout();
    let mut found = BTreeSet::new();
    for folder in crates(&checkout) {
        let used = used_by_module(&folder.join("src"));
        let mut reached = used.clone();
        while let Some((module, more)) = reached.iter().find_map(|(module, uses)| {
            let more: BTreeSet<String> = uses.iter().flat_map(|name| &reached[name]).cloned().collect();
            (!more.is_subset(uses)).then(|| (module.clone(), more))
        }) {
            reached.get_mut(&module).unwrap().extend(more);
        }
        let name = folder.strip_prefix(&checkout).unwrap().display().to_string();
        for (module, uses) in reached.iter().filter(|(module, uses)| uses.contains(*module)) {
            let circle: Vec<&str> =
                uses.iter().filter(|other| reached[*other].contains(module)).map(String::as_str).collect();
            found.insert((name.clone(), circle.join(" ")));
        }
    }
    let known: BTreeSet<_> = CIRCLES.iter().map(|(name, circle)| ((*name).to_owned(), circle.join(" "))).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\nno longer there, or smaller: {gone:#?}");
}

/// A module's file stands beside the folder of its parts, and tests are in `tests.rs` or inline.
#[test]
fn modules_are_laid_out_in_one_way() {
    let mut wrong = Vec::new();
    for file in crates(&tests::checkout()).iter().flat_map(|folder| rust_files(&folder.join("src"))) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let source = std::fs::read_to_string(&file).unwrap();
        if name == "mod.rs"
            || name.ends_with("_tests.rs")
            || source.lines().any(|line| line.trim().starts_with("#[path"))
        {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
