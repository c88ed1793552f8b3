//! Files with more faults, more values or longer texts than anybody writes: told soon, in little memory, and not at length.
use crate::play::{Project, Said};

/// Most lines that `check` says of one file: a finding has up to eight, and a hundred are told.
const LINES: usize = 1_000;

fn few_words(said: &Said, name: &str) {
    let longest = said.err.lines().map(str::len).max().unwrap_or(0);
    assert!(said.err.lines().count() < LINES && longest < 8_000, "{name}: {} {longest}", said.err.lines().count());
}

/// So many lines, each made of its number.
fn lines(number: usize, line: impl Fn(usize) -> String) -> String {
    (0..number).map(line).collect()
}

#[test]
fn a_hundred_faults_of_a_file_are_told_and_that_there_are_more() {
    let project = Project::new();
    let source = |more: &str| ("sources/s.yaml", format!("{}{more}", project.text("http://127.0.0.1:9/a", "")));
    let files = [
        source(&lines(4_000, |n| format!("k{n}: 1\n"))),
        source(&lines(8_000, |_| "k: 1\n".to_owned())),
        source(&format!("detail: {{{}}}\n", lines(4_000, |n| format!("k{n}: 1, ")))),
        source(&format!("params: {{{}}}\n", lines(4_000, |_| "k: 1, ".to_owned()))),
        source(&format!("auth:\n{}", lines(4_000, |n| format!("  k{n}: 1\n")))),
        source(&lines(4_000, |n| format!("  field{n}: $.a\n"))),
        source(&lines(4_000, |n| format!("  title{n}: $[\n"))),
        source(&lines(4_000, |n| format!("  f{n}: \"${{param.p{n}}}\"\n"))),
        source(&format!("responses:\n{}", lines(4_000, |n| format!("  a{n}: records\n")))),
        ("pipelines.yaml", format!("pipelines:\n{}", lines(4_000, |n| format!("- {{name: p{n}, sources: [x{n}]}}\n")))),
        ("pipelines.yaml", format!("pipelines:\n{}", lines(4_000, |_| "- {name: p, sources: [s]}\n".to_owned()))),
        ("mappings/x.yaml", lines(4_000, |n| format!("f{n}: $.a\n"))),
        ("mappings/offer.yaml", lines(4_000, |n| format!("f{n}: {{q: 1}}\n"))),
        ("mappings/lookups/x.yaml", lines(4_000, |n| format!("t{n}: 1\n"))),
    ];
    for (path, text) in files {
        let name = format!("{path}: {}", &text[text.len() - 60..]);
        let before = std::fs::read(project.path(path)).ok();
        project.write(path, &text);
        let said = project.say(&["check"]);
        assert!(said.code == Some(1), "{name}: {said:?}");
        let of_file = said.err.matches(&format!("--> {path}:")).count();
        assert!((100..=102).contains(&of_file), "{name}: {of_file}");
        assert!(said.err.contains("more findings in this file"), "{name}");
        few_words(&said, &name);
        match before {
            Some(before) => project.write(path, before),
            None => std::fs::remove_file(project.path(path)).unwrap(),
        }
    }
}

#[test]
fn names_of_for_are_counted_before_they_are_judged() {
    let project = Project::new();
    for each in ["[1, 2]", "[]", "{range: {from: 0, to: 0, step: 0}}"] {
        project.source(&format!("for:\n{}", lines(5_000, |n| format!("  n{n}: {each}\n"))));
        project.says(&["check"], 1, "`for` has 5000 names: 20 at most");
    }
}

#[test]
fn a_giant_line_is_not_printed_back() {
    let project = Project::new();
    let texts = [
        ": ".repeat(500_000),
        format!("a: {}", ": ".repeat(500_000)),
        format!("source: {}", "x".repeat(1_000_000)),
        format!("{}: 1", "x".repeat(1_000_000)),
        format!("source: \"{}\"", "\\u001b".repeat(100_000)),
        format!("a: @{}", "b ".repeat(400_000)),
        format!("a: {{b: ${{{}}}", "c ".repeat(400_000)),
        format!("source: s\nkey: \"{} | x\"", "$.a ?? ".repeat(100_000)),
        format!("source: s\nkey: '${{{}'", "not ".repeat(200_000)),
        format!("source: s\nrequest: {{get: \"http://{}/\"}}", "a.".repeat(400_000)),
        format!("{}1{}", "[".repeat(500_000), "]".repeat(500_000)),
        format!("a: {}", "{b: ".repeat(200_000)),
        lines(400, |n| format!("{}a:\n", " ".repeat(n))),
        format!("a:\n{}", "- ".repeat(400_000)),
        "---\n".repeat(200_000),
        "\u{1}".repeat(500_000),
        "&a ".repeat(300_000),
        "? ".repeat(400_000),
        "!!x ".repeat(200_000),
        "#".repeat(1_000_000),
        "\n".repeat(1_000_000),
        "\t".repeat(1_000_000),
    ];
    for text in texts {
        let name: String = text.chars().take(40).collect();
        project.write("sources/s.yaml", &text);
        let said = project.say(&["check"]);
        assert_eq!(said.code, Some(1), "{name}: {:.2000}", said.err);
        few_words(&said, &name);
    }
}

#[test]
fn what_stands_behind_aliases_is_bounded() {
    let project = Project::new();
    let tenfold = |levels: usize| {
        let level = |n: usize| match n {
            0 => "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(),
            n => format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")),
        };
        lines(levels, level)
    };
    let merged = |levels: usize| {
        let pairs = |n: usize| match n {
            0 => "m0: &m0 {a: 1, b: 2}\n".to_owned(),
            n => format!("m{n}: &m{n} {{x: {{<<: *m{}}}, y: {{<<: *m{}}}}}\n", n - 1, n - 1),
        };
        lines(levels, pairs)
    };
    let texts = [
        tenfold(9),
        tenfold(30),
        merged(20),
        format!("a: &a {}\nb: [{}]\n", "x".repeat(600_000), vec!["*a"; 99].join(", ")),
        format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(20_000), vec!["*a"; 99].join(", ")),
        format!("a: &a {{{}}}\nb: [{}]\n", lines(5_000, |n| format!("k{n}: 1, ")), vec!["{<<: *a}"; 99].join(", ")),
        lines(55_000, |n| format!("a{n}: &a{n} 1\n")),
    ];
    for text in texts {
        let name: String = text.chars().take(60).collect();
        project.write("sources/s.yaml", &text);
        let said = project.say_within(&["check"], 256_000);
        assert_eq!(said.code, Some(1), "{name}: {:.2000}", said.err);
        assert!(said.err.contains("this file holds too much"), "{name}: {:.2000}", said.err);
        few_words(&said, &name);
    }
}
