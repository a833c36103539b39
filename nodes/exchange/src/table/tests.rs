use super::*;
use proptest::prelude::*;

fn pairs(table: &Table) -> Vec<(usize, &str, u32)> {
    table.rows.iter().map(|row| (row.line, row.image.as_str(), row.class)).collect()
}

fn fault(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn rows_are_read_with_their_lines() {
    let table = read(b"x:image,y:label\n./data/0.png,0\n\n./data/1.png, 12 \n").unwrap();
    assert_eq!(pairs(&table), [(2, "./data/0.png", 0), (4, "./data/1.png", 12)]);
    assert!(table.classes.is_empty());
}

#[test]
fn what_windows_and_others_write_is_understood() {
    let table = read(b"\xEF\xBB\xBFx:image,y:label\r\n.\\0\\a.png,0\r\n\"b, c.png\",1\r\n").unwrap();
    assert_eq!(pairs(&table), [(2, ".\\0\\a.png", 0), (3, "b, c.png", 1)]);
    let table = read("# id,y:label;cat;dog,x\n7,1,写真.png\n".as_bytes()).unwrap();
    assert_eq!(pairs(&table), [(2, "写真.png", 1)]);
    assert_eq!(table.classes, ["cat", "dog"]);
    assert_eq!((table.rows[0].image_column, table.rows[0].class_column), (3, 2));
    assert!(read(b"x:image,y:label\n").unwrap().rows.is_empty());
}

#[test]
fn a_cell_may_hold_a_line_end_and_lines_are_still_right() {
    let table = read(b"x:image,y:label\n\"a\nb.png\",1\nc.png,2\n").unwrap();
    assert_eq!(pairs(&table), [(2, "a\nb.png", 1), (4, "c.png", 2)]);
}

#[test]
fn faults_have_line_column_and_reason() {
    for (text, expected) in [
        ("", "line 1, column 1: the file is empty"),
        (
            "image,label\na.png,0\n",
            "line 1, column 1: there is no column x:image in the header, which must be x:image,y:label; it is \"image\", \"label\"",
        ),
        ("x:image\na.png\n", "line 1, column 1: there is no column y:label"),
        ("x:image,y__0:a,y__1:b\n", "line 1, column 2: \"y__0:a\" is one of several numbers"),
        ("x:image,y:label,x:other\n", "line 1, column 3: a second column x"),
        ("x:image,y:label\na.png,0\nb.png\n", "line 3, column 2: the row has 1 columns, the header has 2"),
        ("x:image,y:label\r\na.png,0\r\nb.png,1,2\r\n", "line 3, column 3: the row has 3 columns, the header has 2"),
        ("x:image,y:label\na.png,cat\n", "line 2, column 2: \"cat\" is no class number: whole, from 0 to 9999"),
        ("x:image,y:label\na.png,-1\n", "line 2, column 2: \"-1\" is no class number"),
        ("x:image,y:label\na.png,1.5\n", "line 2, column 2: \"1.5\" is no class number"),
        ("x:image,y:label\na.png,99999999999\n", "line 2, column 2: \"99999999999\" is no class number"),
        ("x:image,y:label\na.png,10000\n", "line 2, column 2: \"10000\" is no class number"),
        ("x:image,y:label\na.png,\n", "line 2, column 2: \"\" is no class number"),
        ("x:image,y:label\n\n\n ,0\n", "line 4, column 1: no image is named"),
    ] {
        assert!(fault(text).starts_with(expected), "{text:?}: {}", fault(text));
    }
}

#[test]
fn other_encodings_are_refused_by_name() {
    // "写真.png" in Shift_JIS.
    let mut text = b"x:image,y:label\na.png,0\n".to_vec();
    text.extend(b"\x8E\xCA\x90\x5E.png,1\n");
    let fault = read(&text).unwrap_err();
    assert_eq!((fault.line, fault.column), (3, 1));
    assert!(fault.reason.contains("Shift_JIS"), "{fault}");
    assert!(read(b"\xFF\xFEx\0:\0").unwrap_err().reason.contains("UTF-16"));
}

fn cell() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 ,;\"'._/\\\\é写-]{0,12}[a-z]"
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        rows in prop::collection::vec((cell(), 0..=MAX_CLASS), 0..30), windows in any::<bool>(), mark in any::<bool>(),
    ) {
        let end = if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut bytes = if mark { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
        let mut writer = csv::WriterBuilder::new().terminator(end).from_writer(&mut bytes);
        writer.write_record(["x:image", "y:label"]).unwrap();
        for (image, class) in &rows {
            writer.write_record([image, &class.to_string()]).unwrap();
        }
        drop(writer);
        let table = read(&bytes).unwrap();
        let expected: Vec<(usize, &str, u32)> =
            rows.iter().enumerate().map(|(at, (image, class))| (at + 2, image.trim(), *class)).collect();
        prop_assert_eq!(pairs(&table), expected);
    }

    #[test]
    fn whatever_the_bytes_are_there_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        if let Err(fault) = read(&bytes) {
            prop_assert!(fault.line >= 1 && fault.line <= lines && fault.column >= 1);
        }
    }

    #[test]
    fn a_broken_cell_is_found_where_it_is(good in 0_usize..40, windows in any::<bool>()) {
        let end = if windows { "\r\n" } else { "\n" };
        let head = std::iter::once("x:image,y:label".to_owned());
        let rows = (0..good).map(|row| format!("./data/{row}.png,{row}"));
        let lines: Vec<String> = head.chain(rows).chain(["./data/bad.png,bad".to_owned()]).collect();
        let text = lines.join(end) + end;
        let fault = read(text.as_bytes()).unwrap_err();
        prop_assert_eq!((fault.line, fault.column), (good + 2, 2));
    }
}
