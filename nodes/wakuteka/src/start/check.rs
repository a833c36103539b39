//! Looking at every option before anything runs: each node by its own parser, and what must hold between nodes.

use super::environment::Environment;
use super::graph::{Graph, INPUT_OPTIONS, Node};
use crate::checkout::Checkout;
use crate::error::{Error, WrongOption};
use crate::interrupt;
use std::process::{Command, Stdio};
use std::thread;

/// What must be the same in several programs of a graph: the variable that all read, and the flag of each that goes before it.
const SAME: &[(&str, &[(&str, &str)])] = &[
    ("WAKUTEKA_IMAGE_SIZE", &[("resize", "--size"), ("dataset", "--size"), ("train", "--size")]),
    ("WAKUTEKA_RESIZE_MODE", &[("resize", "--mode"), ("dataset", "--mode"), ("train", "--resize-mode")]),
];

/// Has every node of ours look at its own options, all at once, and holds those against each other that must agree.
///
/// # Errors
/// [`Error::Options`] with everything that is wrong, in the order of the file; [`Error::Interrupted`].
pub fn check(checkout: &Checkout, graph: &Graph, environment: &Environment) -> Result<(), Error> {
    interrupt::check()?;
    let nodes: Vec<&Node> = graph.nodes.iter().filter(|node| node.ours(checkout).is_some()).collect();
    let answers: Vec<Result<(), String>> = thread::scope(|scope| {
        let running: Vec<_> = nodes.iter().map(|node| scope.spawn(|| check_node(node, environment))).collect();
        running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("its check failed".to_owned()))).collect()
    });
    interrupt::check()?;
    let of = |node: &Node, problem: String| WrongOption {
        file: super::shown(&graph.yaml),
        line: node.line,
        node: node.id.clone(),
        problem,
    };
    let own = nodes.iter().zip(answers).filter_map(|(node, answer)| Some(of(node, answer.err()?)));
    let mut wrong: Vec<WrongOption> = own.collect();
    wrong.extend(disagreements(graph, environment).into_iter().map(|(node, problem)| of(node, problem)));
    for node in &graph.nodes {
        let known = INPUT_OPTIONS.join(", ");
        let told = |(input, key): &(String, String)| {
            of(node, format!("input {input} has the option {key}; known are {known}"))
        };
        wrong.extend(node.unknown.iter().map(told));
    }
    wrong.sort_by_key(|wrong| wrong.line);
    if wrong.is_empty() { Ok(()) } else { Err(Error::Options(wrong)) }
}

fn check_node(node: &Node, environment: &Environment) -> Result<(), String> {
    let args = words(node).ok_or_else(|| format!("a quote is never closed in `{}`", node.args))?;
    let output = ask(node, "--check-options", &args, environment)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.contains("'--check-options'") {
        return Err(format!(
            "{} is of an earlier version: build it again, cargo build -p node-{}",
            node.path.display(),
            node.program()
        ));
    }
    let Some(flag) = said.strip_prefix("unexpected argument '").and_then(|rest| rest.split('\'').next()) else {
        return Err(said);
    };
    let known = ask(node, "--markdown-options", &[], environment)?;
    let known = flags(&String::from_utf8_lossy(&known.stdout));
    let near = nearest(flag, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    Err(format!("{said}{near}; it knows {}", known.join(", ")))
}

fn words(node: &Node) -> Option<Vec<String>> {
    shlex::split(&node.args)
}

fn ask(
    node: &Node,
    question: &str,
    args: &[String],
    environment: &Environment,
) -> Result<std::process::Output, String> {
    let mut command = Command::new(&node.path);
    command.arg(question).args(args).envs(environment.of_node(node)).stdin(Stdio::null());
    command.output().map_err(|error| format!("{} cannot be run: {error}", node.path.display()))
}

/// The flags in a table of options: `` | `--size <PIXELS>` | … ``.
fn flags(table: &str) -> Vec<String> {
    let rows = table.lines().filter_map(|line| line.split_once("`--"));
    let name = |(_, rest): (&str, &str)| {
        let end = rest.find(|c: char| c != '-' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        format!("--{}", &rest[..end])
    };
    rows.map(name).collect()
}

/// The flag that a mistyped one is meant to be, if one is near: at most a third of its letters differ.
fn nearest<'a>(flag: &str, known: &'a [String]) -> Option<&'a String> {
    let flag = flag.split('=').next().unwrap_or(flag);
    let far = |name: &&String| distance(flag, name);
    known.iter().min_by_key(far).filter(|name| distance(flag, name) * 3 <= flag.len())
}

/// Letters to add, drop or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Values that are others than the first, where all must be the same.
fn disagreements<'a>(graph: &'a Graph, environment: &Environment) -> Vec<(&'a Node, String)> {
    let mut found = Vec::new();
    for (variable, flags) in SAME {
        let mut first: Option<(&Node, &str, String)> = None;
        for (program, flag) in *flags {
            for node in graph.nodes.iter().filter(|node| node.program() == *program) {
                let shared = || environment.of_node(node).remove(*variable).map(|value| (*variable, value));
                let Some((name, value)) = value(node, flag).map(|value| (*flag, value)).or_else(shared) else {
                    continue;
                };
                match &first {
                    None => first = Some((node, name, value)),
                    Some((_, _, same)) if *same == value => {}
                    Some((other, theirs, same)) => found.push((
                        node,
                        format!("{name} {value}, but {} has {theirs} {same}: both must be the same", other.id),
                    )),
                }
            }
        }
    }
    found
}

/// What a flag is given, if anything.
fn value(node: &Node, flag: &str) -> Option<String> {
    let words = words(node)?;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == flag {
            return words.next().cloned();
        }
        if let Some(value) = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn mistyped_flags_are_recognised() {
        let table = "### predict\n\n| option | default |\n|---|---|\n| `--review <IMAGES>` | 50 |\n| `--review-margin <0..1>` | |\n| `--sort` | |";
        let known = flags(table);
        assert_eq!(known, ["--review", "--review-margin", "--sort"]);
        for (typed, meant) in
            [("--reveiw", "--review"), ("--review-margins=1", "--review-margin"), ("--sorted", "--sort")]
        {
            assert_eq!(nearest(typed, &known).unwrap(), meant);
        }
        assert_eq!(nearest("--nonsense", &known), None);
        assert_eq!([distance("kitten", "sitting"), distance("", "ab"), distance("a", "a")], [3, 2, 0]);
    }

    #[test]
    fn options_of_inputs_that_dora_passes_over_are_told() {
        let yaml = "nodes:\n  - id: b\n    path: /bin/true\n    inputs:\n      x: a/out\n      y: {source: a/out, queue-size: 5}\n";
        let graph = Graph::of(Path::new("/x/graph.yml"), yaml).unwrap();
        let environment = Environment::with(std::iter::empty(), &graph, Path::new("/home"));
        let error = check(&Checkout::find().unwrap(), &graph, &environment).unwrap_err().to_string();
        assert!(error.contains("b: input y has the option queue-size; known are source, queue_size"), "{error}");
    }

    #[test]
    fn sizes_that_differ_between_nodes_are_told() {
        let yaml = "nodes:\n  - id: resize\n    path: resize\n    args: --size 64 --mode pad\n  - id: dataset\n    path: dataset\n    \
                    args: --size=64 --mode pad\n  - id: train\n    path: train\n    args: --size 32\n";
        let graph = Graph::of(Path::new("/x/graph.yml"), yaml).unwrap();
        let environment = Environment::with(std::iter::empty(), &graph, Path::new("/home"));
        let found = disagreements(&graph, &environment);
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].0.id[..], found[0].0.line), ("train", 10));
        assert_eq!(found[0].1, "--size 32, but resize has --size 64: both must be the same");
        let yaml = "env: {WAKUTEKA_IMAGE_SIZE: 64}\nnodes:\n  - id: resize\n    path: resize\n  - id: train\n    path: train\n    \
                    args: --size 48\n";
        let graph = Graph::of(Path::new("/x/graph.yml"), yaml).unwrap();
        let environment = Environment::with(std::iter::empty(), &graph, Path::new("/home"));
        let [(_, told)] = &disagreements(&graph, &environment)[..] else { panic!("one is told") };
        assert_eq!(told, "--size 48, but resize has WAKUTEKA_IMAGE_SIZE 64: both must be the same");
    }
}
