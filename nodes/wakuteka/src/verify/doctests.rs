//! Are there examples in the documentation? Their runner is slow even where there are none.

use std::fs;
use std::path::Path;

/// Marks of a code block that rustdoc does not run.
const NOT_RUN: &[&str] = &["text", "ignore", "toml", "yaml", "json", "sh", "console", "bash", "python", "csv", "html"];

/// Has any crate of the workspace in `root` an example that rustdoc runs?
pub fn any_in(root: &Path) -> bool {
    ["nodes", "plugins", "tests"].iter().any(|folder| in_folder(&root.join(folder)))
}

fn in_folder(folder: &Path) -> bool {
    let Ok(list) = fs::read_dir(folder) else { return false };
    list.flatten().map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return in_folder(&path);
        }
        path.extension().is_some_and(|end| end == "rs") && fs::read_to_string(&path).is_ok_and(|text| in_source(&text))
    })
}

fn in_source(text: &str) -> bool {
    let mut open = false;
    let fences = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let comment = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
        comment.trim_start().strip_prefix("```")
    });
    for marks in fences {
        open = !open;
        if open && !marks.split(',').any(|mark| NOT_RUN.contains(&mark.trim())) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_found() {
        assert!(in_source("/// Adds.\n/// ```\n/// add(1, 2);\n/// ```\nfn add() {}"));
        assert!(in_source("    //! ```rust,no_run\n    //! x();\n    //! ```"));
        assert!(in_source("/// ```text\n/// a\n/// ```\n/// ```\n/// add();\n/// ```"));
    }

    #[test]
    fn other_blocks_are_none() {
        assert!(!in_source("//! ```text\n//! runs/<id>/\n//! ```\nlet x = \"```\";"));
        assert!(!in_source("/// No code at all.\nfn f() {}"));
    }
}
