//! The table of hostile answers.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::answers::{MIB, beside, brotli, deflate, endless, gzip, json, noise, one, packed, row, rows, zstd};
use crate::site::{Answer, Answers};

/// One hostile site, and what the program says of it.
pub struct Case {
    pub name: &'static str,
    pub answer: Answers,
    pub source: String,
    pub pipelines: &'static str,
    pub command: &'static [&'static str],
    /// How often it is run; the last run is measured.
    pub runs: usize,
    /// Words that the output holds.
    pub says: &'static [&'static str],
}

const HEAD: &str = "source: x\nlimits: {rate: 1000/s, timeout: 60s, retry: {attempts: 2, wait: 1s, at_most: 1s}}\n";
const REQUEST: &str = "request: {get: \"{site}/a\"}\n";
const TAIL: &str = "records: $.rows[*]\nkey: $.id\nmap:\n  title: $.title\n  url: $.url\n  description: $.d | html\n  \
    categories: $.c[*]\n  skills: $.s | split(\",\")\n  extra.b: $.b\n";
const LOGGED: &str = "store: local\npipelines:\n  - {name: p, sources: [x], sinks: [store, {files: {dir: log}}]}\n";
const LOCAL: &str = "store: local\npipelines:\n  - {name: p, sources: [x]}\n";

impl Case {
    pub fn new(name: &'static str, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let source = [HEAD, REQUEST, TAIL].concat();
        Case { name, answer: Arc::new(answer), source, pipelines: LOCAL, command: &["run", "x"], runs: 1, says: &[] }
    }

    fn with(self, request: &str, more: &str) -> Self {
        Case { source: [HEAD, request, more, TAIL].concat(), ..self }
    }

    fn status(self, status: u16) -> Self {
        let answer = self.answer.clone();
        Case { answer: Arc::new(move |target| Answer { status, ..answer(target) }), ..self }
    }

    fn says(self, says: &'static [&'static str]) -> Self {
        Case { says, ..self }
    }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [bodies(), trees(), fields(), together(), lists(), calls()].into_iter().flatten().collect()
}

/// The body itself is large, or becomes so.
fn bodies() -> Vec<Case> {
    let bomb = |name, coding: &'static str, pack: fn(&[u8]) -> Vec<u8>| {
        let body = pack(&beside(100 * MIB));
        Case::new(name, move |_| packed(coding, body.clone()))
    };
    vec![
        bomb("a bomb of gzip", "gzip", gzip).says(&["unpacks to more than"]),
        bomb("a bomb of deflate", "deflate", deflate).says(&["unpacks to more than"]),
        bomb("a bomb of zstd", "zstd", zstd).says(&["unpacks to more than"]),
        bomb("a bomb of brotli", "br", brotli).says(&["unpacks to more than"]),
        bomb("a bomb of two layers", "gzip", |body| gzip(&zstd(body))).says(&["unpacks to more than"]),
        bomb("a bomb with an error", "gzip", gzip).status(500),
        Case::new("a packed body that is no bomb", {
            let body = gzip(&noise(40 * MIB));
            move |_| packed("gzip", body.clone())
        })
        .says(&["complete"]),
        Case::new("an endless body", |_| endless("{\"rows\":[],\"p\":\"", "a")).says(&["more than"]),
        Case::new("an endless header", |_| {
            let headers = (0..90).map(|number| (format!("X-{number}"), "h".repeat(4_000))).collect();
            Answer { headers, ..rows(1) }
        }),
        Case::new("latin-1, 60 MB", |_| json([br#"{"rows":[],"p":""#, &vec![0xe9; 60 * MIB][..], br#""}"#].concat())),
        Case::new("UTF-16, 60 MB", |_| {
            let text = format!("{{\"rows\":[],\"p\":\"{}\"}}", "é".repeat(30 * MIB));
            json(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
        }),
        Case::new("60 MB of bytes that are no text", |_| {
            json([br#"{"rows":[],"p":""#, &vec![0xff; 60 * MIB][..], br#""}"#].concat())
        }),
    ]
}

/// The tree of the body costs more than its text.
fn trees() -> Vec<Case> {
    let beside = |name, element: &'static str, count: usize| {
        Case::new(name, move |_| {
            json(format!("{{\"rows\":[],\"j\":[{}{element}]}}", format!("{element},").repeat(count)))
        })
    };
    vec![
        beside("20 MB of `{},` beside the records", "{}", 6_600_000),
        beside("7 MB of `{},` beside the records", "{}", 2_300_000),
        beside("20 MB of `1,` beside the records", "1", 10_000_000),
        beside("20 MB of `[1],` beside the records", "[1]", 5_000_000),
        beside("900 kB of `[1],` beside the records", "[1]", 220_000),
        Case::new("20 MB of `[1],` in a record", |_| one(&format!("\"j\":[{}1]", "[1],".repeat(5_000_000)))),
        Case::new("20 MB of `{},` packed", {
            let body = gzip(format!("{{\"rows\":[],\"j\":[{}1]}}", "{},".repeat(6_600_000)).as_bytes());
            move |_| packed("gzip", body.clone())
        }),
        Case::new("100,000 levels beside the records", |_| {
            json(format!("{{\"rows\":[],\"j\":{}", "[".repeat(100_000)))
        }),
        Case::new("100,000 levels in a record", |_| {
            one(&format!("\"j\":{}{}", "[".repeat(100_000), "]".repeat(100_000)))
        }),
        Case::new("700,000 members", |_| {
            let members: Vec<String> = (0..700_000).map(|number| format!("\"m{number}\":1")).collect();
            one(&members.join(","))
        }),
        Case::new("records that are found by a filter", |_| {
            json(format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(6_600_000)))
        })
        .with(REQUEST, "")
        .filtered(),
    ]
}

impl Case {
    /// Its records cannot be read on their way.
    fn filtered(self) -> Self {
        Case { source: self.source.replace("$.rows[*]", "$..rows[?@.id]"), ..self }
    }
}

/// A value is large.
fn fields() -> Vec<Case> {
    let html = |name, begin: &'static str, each: &'static str, count: usize| {
        Case::new(name, move |_| one(&format!("\"d\":\"{begin}{}\"", each.repeat(count))))
    };
    vec![
        Case::new("a text of 120 MB", |_| one(&format!("\"d\":\"{}\"", "a".repeat(120 * MIB)))).says(&["complete"]),
        Case::new("a text of 100 MB of line ends", |_| one(&format!("\"d\":\"{}\"", "\\n".repeat(50 * MIB)))),
        Case::new("a key of 60 MB", |_| {
            json(format!(r#"{{"rows":[{{"id":"{}","title":"t","url":"u"}}]}}"#, "k".repeat(60 * MIB)))
        }),
        Case::new("a title of 60 MB in a template", |_| {
            json(format!(r#"{{"rows":[{{"id":"1","title":"{}","url":"u"}}]}}"#, "k".repeat(60 * MIB)))
        })
        .templated(),
        Case::new("a number of 60 MB", |_| one(&format!("\"d\":{}", "1".repeat(60 * MIB)))),
        Case::new("a record of 60 MB that is rejected", |_| {
            json(format!(r#"{{"rows":[{{"title":"t","url":"u","d":"{}"}}]}}"#, "k".repeat(60 * MIB)))
        }),
        Case::new("a record of 60 MB that cannot be read", |_| {
            json(format!(r#"{{"rows":[{{"id":"1","d":"{}\"x"}},{}]}}"#, "k".repeat(60 * MIB), row(2)))
        }),
        Case::new("many large fields", |_| {
            let part = format!("\"{}\"", "é ".repeat(MIB / 3));
            one(&format!("\"d\":{part},\"b\":[{}]", vec![part.clone(); 60].join(",")))
        }),
        html("html of nested <div>", "", "<div>", 40_000),
        html("html of nested <div>, 3 MB", "", "<div>", 600_000),
        html("html of <b>x</p>", "", "<b>x</p>", 40_000),
        html("html of nested lists", "", "<ul><li>", 20_000),
        html("html of tables", "", "<table><tr><td><b>", 60_000),
        html("html of attributes", "<p ", "a b c d ", 30_000),
        html("html of different tags", "", "<a><i><font><nobr>", 20_000),
        html("html of <br>", "", "<br>", 250_000),
        html("html of entities", "", "&lt;", 250_000),
        html("html of links", "", "<a href=x>y</a>", 60_000),
        html("html of numbered lists", "<ol>", "<li>y</li>", 80_000),
    ]
}

impl Case {
    /// Its details are mapped.
    fn keeping(self) -> Self {
        Case { source: self.source + "  extra.p: $.detail.p\n", ..self }
    }

    fn templated(self) -> Self {
        Case { source: self.source.replace("title: $.title", "title: \"${record.title} x\""), ..self }
    }
}

/// Each record is within its bounds, and there are many of them.
fn together() -> Vec<Case> {
    let records = |name, count: usize, record: fn(usize) -> String| {
        Case::new(name, move |_| {
            json(format!("{{\"rows\":[{}]}}", (0..count).map(record).collect::<Vec<_>>().join(",")))
        })
    };
    vec![
        records("120 offers of 1 MB", 120, |number| long(number, MIB)).says(&["120 indexed"]),
        records("18,000 offers that are found by a filter", 18_000, |number| long(number, 6_000)).filtered(),
        records("100 records of `[1],`", 100, |number| {
            format!(r#"{{"id":"{number}","title":"t","url":"u","j":[{}1]}}"#, "[1],".repeat(62_000))
        }),
        Case { pipelines: LOGGED, ..records("120 offers of 1 MB in a change log", 120, |number| long(number, MIB)) }
            .says(&["120 indexed"]),
        turning("120 offers of 1 MB that a filter closes", "only: $.on\n", |run, number| match run {
            0 => long(number, MIB).replacen('{', "{\"on\":1,", 1),
            _ => long(number, MIB),
        })
        .says(&["120 filtered"]),
        turning("120 offers of 1 MB that are gone", "expire: {not_seen: 1 sweeps, at_most: 100%}\n", |run, number| {
            match run {
                0 => long(number, MIB),
                _ => format!("{{\"id\":\"{}\",\"title\":\"t\",\"url\":\"u\"}}", number + 1_000),
            }
        })
        .says(&["closed: 120 not_seen"]),
        records("120 keys of 1 MB", 120, |number| {
            format!(r#"{{"id":"{number}{}","title":"t","url":"u"}}"#, "k".repeat(MIB - 10))
        })
        .says(&["88 rejected"]),
        records("9,000 keys of 7 kB", 9_000, |number| {
            format!(r#"{{"id":"{number}{}","title":"t","url":"u"}}"#, "k".repeat(7_000))
        }),
        records("1,000 rejects of 100 kB", 1_000, |_| format!(r#"{{"title":"t","d":"{}"}}"#, "k".repeat(100 << 10))),
    ]
}

/// A site that shows other records when it is asked again, with a change log.
fn turning(name: &'static str, more: &str, record: impl Fn(usize, usize) -> String + Send + Sync + 'static) -> Case {
    let asked = AtomicUsize::new(0);
    let answer = move |_: &str| {
        let run = asked.fetch_add(1, Ordering::Relaxed);
        json(format!("{{\"rows\":[{}]}}", (0..120).map(|number| record(run, number)).collect::<Vec<_>>().join(",")))
    };
    Case { runs: 2, pipelines: LOGGED, ..Case::new(name, answer).with(REQUEST, more) }
}

/// A record with a long text.
fn long(number: usize, length: usize) -> String {
    format!(r#"{{"id":"{number}","title":"t","url":"u","d":"{number}{}"}}"#, "d".repeat(length))
}

/// There are many of something.
fn lists() -> Vec<Case> {
    let rejects = |count: usize| format!("{{\"rows\":[{}{{}}]}}", "{\"title\":\"x\"},".repeat(count));
    vec![
        Case::new("a list of 100,000 values", |_| {
            let values: Vec<String> = (0..100_000).map(|number| format!("\"c{number}\"")).collect();
            one(&format!("\"c\":[{}]", values.join(",")))
        }),
        Case::new("a text that is split into 1,000,000", |_| {
            let values: Vec<String> = (0..600_000).map(|number| number.to_string()).collect();
            one(&format!("\"s\":\"{}\"", values.join(",")))
        }),
        Case::new("400,000 rejects", move |_| json(rejects(400_000))).says(&["rejected 400001"]),
        Case::new("60,000 rejects in a small page", move |_| {
            json(format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(60_000)))
        }),
        Case::new("6,600,000 records of `{},`", |_| json(format!("{{\"rows\":[{}{{}}]}}", "{},".repeat(6_600_000)))),
        Case::new("200,000 records that cannot be read", |_| {
            json(format!("{{\"rows\":[{}{{}}]}}", "{\"id\":x},".repeat(200_000)))
        }),
        Case::new("100,000 sound records", |_| rows(100_000)).says(&["complete"]),
        Case::new("100,000 records with flaws", |_| {
            let record =
                |number| format!(r#"{{"id":"{number}","title":"t","url":"u","s":{{}},"d":"\ud800","b":{{}}}}"#);
            json(format!("{{\"rows\":[{}]}}", (0..100_000).map(record).collect::<Vec<_>>().join(",")))
        }),
    ]
}

/// Other calls than the list.
fn calls() -> Vec<Case> {
    let growing = |target: &str| {
        let length = target.len().max(64 << 10) * 2;
        json(format!(r#"{{"next":"{}","rows":[{}]}}"#, "c".repeat(length.min(8 * MIB)), row(target.len())))
    };
    let query = "request: {get: \"{site}/a\", query: {c: \"${page.cursor}\"}}\n";
    let post = "request: {post: \"{site}/a\", body: {json: {c: \"${page.cursor}\"}}}\n";
    let cursor = "pages: {cursor: {size: 1, next: $.next}}\n";
    let token = |name, answer: fn() -> Answer| {
        let auth = "auth: {oauth2: {token_url: \"{site}/token\", client_id: \"${secret.K}\", client_secret: \"${secret.P}\"}}\n";
        let site = move |target: &str| if target.contains("token") { answer() } else { rows(1) };
        Case::new(name, site).with(REQUEST, auth)
    };
    let parent = |name, answer: fn() -> Answer| {
        let parent = "for:\n  at: {call: {request: {get: \"{site}/parent\"}, records: \"$.h[*]\", value: $.id}}\n";
        let site = move |target: &str| if target.contains("parent") { answer() } else { rows(1) };
        Case::new(name, site).with("request: {get: \"{site}/a\", query: {at: \"${for.at}\"}}\n", parent)
    };
    let details = |name, body: Vec<u8>, coding: &'static str| {
        let detail = "detail:\n  request: {get: \"{site}/d/${record.id}\"}\n  on_error: keep\n";
        let site = move |target: &str| match target.contains("/d/") {
            true if coding.is_empty() => json(body.clone()),
            true => packed(coding, body.clone()),
            false => rows(200),
        };
        Case::new(name, site).with(REQUEST, detail)
    };
    vec![
        Case::new("a cursor that grows, in the body", growing).with(post, cursor).says(&["unreadable cursor"]),
        Case::new("a cursor that grows, in the address", growing).with(query, cursor).says(&["unreadable cursor"]),
        Case::new("a next address of 8 MB", |_| {
            json(format!(r#"{{"next":"/a?{}","rows":[{}]}}"#, "c".repeat(8 * MIB), row(1)))
        })
        .with(REQUEST, "pages: {next_url: {next: $.next}}\n"),
        token("an endless token", || endless("{\"access_token\":\"", "a")).says(&["token call"]),
        token("a token of lists", || json(format!("{{\"x\":[{}1]}}", "[1],".repeat(240_000)))),
        parent("a parent call with a bomb", || packed("gzip", gzip(&beside(100 * MIB)))),
        parent("a parent call with 300,000 objects", || {
            json(format!("{{\"h\":[{}{{}}]}}", "{\"id\":1},".repeat(300_000)))
        }),
        details("200 details with a bomb", gzip(&beside(100 * MIB)), "gzip"),
        details("200 details of 900 kB", noise(900 << 10), ""),
        details("200 details of 900 kB that are kept", noise(900 << 10), "").keeping(),
        Case::new("a refusal with a message of 100 MB", |_| Answer {
            status: 403,
            ..json(format!("{{\"message\":\"{}\"}}", "m".repeat(100 * MIB)))
        }),
        Case::new("a page of 500 with a body of 100 MB", |_| Answer { status: 500, ..json(vec![b'm'; 100 * MIB]) }),
    ]
}
