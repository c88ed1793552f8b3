//! Commands that only read, on a real Elasticsearch that somebody changed: they say what runs say, and never show a part of
//! the offers as all of them.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod bench;
#[path = "../../../tests/elasticsearch/hand.rs"]
mod hand;
#[path = "../../../tests/elasticsearch/node.rs"]
mod node;
#[path = "../project/mod.rs"]
mod project;
#[path = "../../../tests/elasticsearch/proxy.rs"]
mod proxy;

use std::path::PathBuf;
use std::process::Stdio;

use bench::{Bench, OFFERS, READERS};
use project::{Project, error, out};
use proxy::Proxy;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_did_to_an_alias_or_an_index_is_told_by_those_who_read() {
    let bench = Bench::new().await;
    let index = bench.index().await;
    aliases(&bench, &index).await;
    blocks(&bench, &index).await;
    by_proxy(&bench, &index).await;
    let port: u16 = bench.node.url.rsplit(':').next().unwrap().parse().unwrap();
    bench.at(&format!("http://127.0.0.1:{}", port + 100));
    bench.readers_say(&["does not speak HTTP", "the HTTP port is usually 9200"]).await;
    bench.at(&bench.node.url);
    let (said, well) = bench.says("verify").await;
    assert!(well && said.contains(&format!("{OFFERS} offers compared: 0 differences")), "{said}");
}

async fn aliases(bench: &Bench, index: &str) {
    let alias = "jobmarket-offers";
    let (on, off) = (json!({"index": index, "alias": alias}), json!({"index": "my-index", "alias": alias}));
    bench.hand("PUT", "my-index", json!({"mappings": {"properties": {"id": {"type": "keyword"}}}})).await;
    bench.aliases(json!([{"remove": on}, {"add": off}])).await;
    bench.readers_say(&["points to `my-index`, which this program did not make", "POST /_aliases", index]).await;
    bench.aliases(json!([{"add": on}])).await;
    bench.readers_say(&["points to several indices", "my-index", "remove it from all but one", "POST /_aliases"]).await;
    bench.aliases(json!([{"remove": on}, {"remove": off}])).await;
    bench.readers_say(&["the alias `jobmarket-offers` is gone", index, "POST /_aliases"]).await;
    let only = json!({"index": index, "alias": alias, "filter": {"term": {"source": "none"}}});
    bench.aliases(json!([{"add": only}])).await;
    bench.readers_say(&["has a `filter` that hides offers", "POST /_aliases"]).await;
    bench.aliases(json!([{"remove": on}, {"add": on}])).await;
    // What only runs write through hinders no reader, who says it all the same.
    let write = json!({"index": index, "alias": "jobmarket-offers-write"});
    let moved = json!({"index": "my-index", "alias": "jobmarket-offers-write"});
    bench.aliases(json!([{"remove": write}, {"add": moved}])).await;
    let (said, well) = bench.says("search").await;
    assert!(well && said.contains(&format!("{OFFERS} offers")), "{said}");
    assert!(said.contains("warning: the alias `jobmarket-offers-write` points to `my-index`"), "{said}");
    bench.aliases(json!([{"remove": moved}, {"add": write}])).await;
    bench.hand("DELETE", "my-index", Value::Null).await;
}

async fn blocks(bench: &Bench, index: &str) {
    bench.hand("POST", &format!("{index}/_close"), Value::Null).await;
    let closed = format!("the index `{index}` is closed");
    bench.readers_say(&[&closed, &format!("POST {index}/_open")]).await;
    bench.run_says(&[&closed, "_open", "the run begins when it is there"]).await;
    bench.hand("POST", &format!("{index}/_open?wait_for_active_shards=1"), Value::Null).await;
    for (setting, reading) in [("read", true), ("metadata", true), ("read_only", false), ("write", false)] {
        let setting = format!("index.blocks.{setting}");
        let lifted = format!("PUT {index}/_settings {{\"{setting}\": null}}");
        bench.set(index, &setting, true.into()).await;
        if reading {
            bench.readers_say(&[&format!("(`{setting}`)"), &lifted]).await;
        } else {
            assert!(bench.says("verify").await.1, "{setting}");
        }
        bench.run_says(&[&format!("(`{setting}`)"), &lifted]).await;
        bench.set(index, &setting, Value::Null).await;
    }
    for setting in ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"] {
        bench.hand("PUT", "_cluster/settings", json!({"persistent": {setting: true}})).await;
        bench.run_says(&["the whole cluster", setting, "PUT _cluster/settings", "\"transient\""]).await;
        assert!(bench.says("export").await.1, "{setting}");
        bench.hand("PUT", "_cluster/settings", json!({"persistent": {setting: null}})).await;
    }
}

/// What one node of the kit cannot be brought to, in the words of a real server.
async fn by_proxy(bench: &Bench, index: &str) {
    let proxy = Proxy::start(&bench.node.url).await;
    bench.at(&proxy.url);
    let look = "/jobmarket-offers,jobmarket-offers-*";
    let stream = json!({".ds-jobmarket-offers-2026.11.27-000001":
        {"aliases": {}, "mappings": {}, "settings": {}, "data_stream": "jobmarket-offers"}});
    proxy.answer(look, 200, &stream.to_string());
    bench
        .readers_say(&["a data stream has the name `jobmarket-offers`", "DELETE /_data_stream/jobmarket-offers"])
        .await;
    proxy.clear();
    let none = json!({"type": "master_not_discovered_exception", "reason": null});
    let none = json!({"error": {"root_cause": [none], "type": none["type"], "reason": null}, "status": 503});
    proxy.answer(look, 503, &none.to_string());
    bench.readers_say(&["its cluster has no master node"]).await;
    proxy.clear();
    let mut part = json!({"took": 1, "timed_out": false, "_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 1,
        "failures": [{"shard": 1, "index": index, "reason": {"type": "no_shard_available_action_exception"}}]},
        "hits": {"total": {"value": 1, "relation": "eq"}, "hits": []}});
    for why in ["1 of 2 shards failed: no_shard_available", "ran out of time", "1 of the clusters"] {
        proxy.answer("/jobmarket-offers/_search", 200, &part.to_string());
        for command in ["search", "export", "verify", "status"] {
            let (said, well) = bench.says(command).await;
            assert!(said.contains("only a part of what was asked") && said.contains(why), "{command} {why}: {said}");
            assert_eq!(well, command == "status", "{command}: {said}");
        }
        proxy.clear();
        part["_shards"] = json!({"total": 2, "successful": 2, "failed": 0});
        part["_clusters"] = json!({"total": 2, "successful": 1, "skipped": i32::from(part["timed_out"] == true)});
        part["timed_out"] = (why.starts_with("1 of 2")).into();
    }
    bench.at(&bench.node.url);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_which_a_shard_is_gone_is_red_for_those_who_read_too() {
    let bench = Bench::new().await;
    let index = bench.index().await;
    closed_in_the_middle(&bench, &index).await;
    // The same index with two shards, by hand; a sweep fills it.
    let mut made = bench.hand("GET", &index, Value::Null).await[&index].take();
    let analysis = made["settings"]["index"]["analysis"].take();
    made["settings"] = json!({"index": {"number_of_shards": 2, "number_of_replicas": 0, "analysis": analysis}});
    bench.hand("DELETE", &index, Value::Null).await;
    bench.hand("PUT", &index, made).await;
    bench.project.done(&["sweep", "remotive"]).await;
    bench.hand("POST", &format!("{index}/_refresh"), Value::Null).await;
    bench.hand("POST", &format!("{index}/_flush?force=true"), Value::Null).await;
    let (said, _) = bench.says("search").await;
    assert!(said.contains(&format!("{OFFERS} offers")), "{said}");
    let uuid =
        bench.hand("GET", &format!("{index}/_settings"), Value::Null).await[&index]["settings"]["index"]["uuid"].take();
    bench.hand("POST", &format!("{index}/_close"), Value::Null).await;
    let port = bench.node.url.rsplit(':').next().unwrap();
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/elasticsearch").join(format!("home-{port}"));
    let shard = home.join("data/indices").join(uuid.as_str().unwrap()).join("1/index");
    for file in std::fs::read_dir(shard).unwrap().map(|entry| entry.unwrap().path()) {
        std::fs::remove_file(file).unwrap();
    }
    bench.hand("POST", &format!("{index}/_open?wait_for_active_shards=0"), Value::Null).await;
    let red = format!("the index `{index}` is red");
    for (command, fails) in
        READERS.into_iter().filter(|(command, _)| !command.starts_with("why") && *command != "retention --dry-run")
    {
        let (said, well) = bench.says(command).await;
        assert!(said.contains(&red) && said.contains("GET _cluster/allocation/explain"), "{command}: {said}");
        assert!(!said.contains("is it running"), "{command}: {said}");
        assert_eq!(well, !fails, "{command}: {said}");
    }
    bench.run_says(&[&red, "GET _cluster/allocation/explain", "the run begins when it is there"]).await;
}

/// An export that is under way when somebody closes the index.
async fn closed_in_the_middle(bench: &Bench, index: &str) {
    let mut export = bench.project.command(&["export"]);
    let mut export = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (export.stdout.take().unwrap(), export.stderr.take().unwrap());
    let mut first = [0; 1_000];
    // Nobody reads on: it waits in its first page.
    stdout.read_exact(&mut first).await.unwrap();
    bench.hand("POST", &format!("{index}/_close"), Value::Null).await;
    let (mut rest, mut said) = (String::new(), String::new());
    stdout.read_to_string(&mut rest).await.unwrap();
    stderr.read_to_string(&mut said).await.unwrap();
    let lines = rest.lines().count();
    assert!(!export.wait().await.unwrap().success() && lines < OFFERS, "{lines} lines: {said}");
    assert!(said.contains(&format!("the index `{index}` is closed")) && said.contains("_open"), "{said}");
    bench.hand("POST", &format!("{index}/_open?wait_for_active_shards=1"), Value::Null).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_sees_what_somebody_wrote_and_why_says_only_what_it_knows() {
    let mut bench = Bench::new().await;
    let index = bench.index().await;
    let (ids, document) = first_documents(&bench, 4).await;
    edited(&bench, &index, &ids, &document).await;
    let (said, well) = bench.says("verify").await;
    assert!(!well, "{said}");
    for part in [
        "somebody wrote it again: its version is not the one that is known",
        "known, and not stored",
        "remotive: the document `abc` is no offer that was read; `DELETE /jobmarket-offers/_doc/abc`",
        "the document `a b` is no offer that was read; `DELETE /jobmarket-offers/_doc/a%20b`",
        "the document `nameless` is no offer",
        "the document `twin` is no offer",
        "4 in the store that nobody here wrote",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(said.matches("known, and not stored").count(), 2, "deleted, and another id inside: {said}");
    assert!(said.contains("7 differences"), "{said}");
    // What an export shows is offers, all that are there.
    let (export, _) = bench.project.done(&["export"]).await;
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let shown: std::collections::BTreeSet<String> = export.lines().map(id).collect();
    assert_eq!((shown.len(), export.lines().count(), shown.contains("abc")), (OFFERS - 2, OFFERS - 2, false));
    let gone = bench.project.told(&["why", &ids[1]]).await;
    assert!(out(&gone).contains("document  (known, and not in the store)") && !gone.status.success(), "{}", out(&gone));
    assert!(error(&gone).contains("`jobmarket sweep remotive` brings it back"), "{}", error(&gone));

    let sweep = error(&bench.project.told(&["sweep", "remotive"]).await);
    assert!(sweep.contains("4 documents of remotive in the store are not as this program writes offers"), "{sweep}");
    // What no sweep touches is still told; when it is gone there is no difference.
    let (said, _) = bench.says("verify").await;
    assert!(said.contains("4 differences") && !said.contains("known, and not stored"), "{said}");
    for id in ["abc", "a%20b", "nameless", "twin"] {
        bench.hand("DELETE", &format!("jobmarket-offers/_doc/{id}"), Value::Null).await;
    }
    let (said, well) = bench.says("verify").await;
    assert!(well && said.contains("0 differences"), "{said}");
    another_directory(&bench).await;

    bench.node.kill();
    let away = bench.project.told(&["why", &ids[0]]).await;
    assert!(out(&away).contains("document  (the store cannot be asked)") && !away.status.success(), "{}", out(&away));
    let away = bench.project.told(&["--json", "why", &ids[0]]).await;
    let said: Value = serde_json::from_str(&out(&away)).unwrap();
    assert!(said["offer"]["document"].is_null() && !away.status.success(), "{said}");
    assert!(said["faults"][0].as_str().unwrap().contains("the store cannot be asked"), "{said}");
}

/// Ids of stored documents, and the first of them.
async fn first_documents(bench: &Bench, count: usize) -> (Vec<String>, Value) {
    let found = format!("jobmarket-offers/_search?size={count}&sort=id");
    let found = bench.hand("GET", &found, Value::Null).await;
    let hits = found["hits"]["hits"].as_array().unwrap();
    (hits.iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect(), hits[0]["_source"].clone())
}

/// One is edited and keeps its hash, one is deleted, one says another id of itself; four are put in.
async fn edited(bench: &Bench, index: &str, ids: &[String], document: &Value) {
    let mut changed = document.clone();
    changed["title"] = "by hand".into();
    bench.hand("PUT", &format!("{index}/_doc/{}", ids[0]), changed).await;
    bench.hand("DELETE", &format!("{index}/_doc/{}", ids[1]), Value::Null).await;
    let other = json!({"doc": {"id": "00000000000000000000000000000000"}});
    bench.hand("POST", &format!("{index}/_update/{}", ids[2]), other).await;
    let foreign = json!({"id": "abc", "source": "remotive", "title": "by hand"});
    bench.hand("PUT", &format!("{index}/_doc/abc"), foreign).await;
    bench.hand("PUT", &format!("{index}/_doc/a%20b"), json!({"id": "a b", "source": "elsewhere"})).await;
    bench.hand("PUT", &format!("{index}/_doc/nameless"), json!({"source": "remotive"})).await;
    let twin = json!({"id": ids[3], "source": "remotive", "title": "by hand"});
    bench.hand("PUT", &format!("{index}/_doc/twin"), twin).await;
}

/// What another data directory writes there is nobody's fault.
async fn another_directory(bench: &Bench) {
    let other = tempfile::tempdir().unwrap();
    let id = "00000000000000000000000000000001";
    bench.hand("PUT", &format!("jobmarket-offers/_doc/{id}"), json!({"id": id, "source": "elsewhere"})).await;
    let (said, well) = bench.says("verify").await;
    assert!(!well && said.contains(&format!("the document `{id}` is no offer")), "{said}");
    let claim = json!({"source": "elsewhere", "owner": "other", "fence": "1", "ask": "a"});
    bench.hand("PUT", "jobmarket-claims/_doc/elsewhere", claim).await;
    let (said, well) = bench.says("verify").await;
    assert!(well && said.contains("0 differences"), "{said}");
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_store_answers_is_refused_in_the_same_words() {
    let bench = Bench::new().await;
    let local = Project::new(0, 20).await;
    local.pipelines("1000/s", "", "sinks: [store]");
    local.done(&["run", "remotive"]).await;
    let many: Vec<String> = (0..101).map(|number| format!("word{number}")).collect();
    let many = many.join(" ");
    let cases: &[(&[&str], &str)] = &[
        (&[&many], "101 words are more than the 100 that one search takes; leave some of them out"),
        (&["--limit", "10001"], "an answer holds 10000 offers at most; `--after` goes on behind it"),
        (&["--limit", "18446744073709551615"], "an answer holds 10000 offers at most"),
        (&["--facet", "source:10001"], "is no facet; write `source:20`"),
        (&["--facet", "source:0"], "is no facet; write `source:20`"),
        (&["--facet", "location.point:30"], "is no facet; write `location.point:6`"),
        (&["--facet", "salary.yearly_min:0.0000001"], "is no facet; write `salary.yearly_min:5000`"),
        (&["--facet", "salary.yearly_min:NaN"], "is no facet; write `salary.yearly_min:5000`"),
        (&["-f", "published_at>=99999-01-01"], "`99999-01-01` is not a date"),
        (&["-f", "published_at<yesterday"], "`yesterday` is not a date"),
        (&["-f", "published_at=now"], "`now` is not a date"),
        (&["-f", "salary.yearly_min>=1e400"], "`1e400` is not a number"),
        (&["-f", "salary.yearly_min<NaN"], "`NaN` is not a number"),
        (&["-f", "positions>=99999999999999999999"], "`99999999999999999999` is not a whole number"),
        (&["-f", "positions=many"], "`many` is not a whole number"),
        (&["-f", "location.point=48,2,0km"], "is no place"),
        (&["-f", "location.point=48,2,-3km"], "is no place"),
        (&["-f", "location.point=48,2,30000km"], "within more than 0 and at most"),
        (&["-f", "location.point=45,2,49,5"], "is no place"),
        (&["--after", "nonsense"], "`after` is not what an earlier answer of this search gave"),
        (&["--after", "[1]"], "`after` is not what an earlier answer of this search gave"),
        (&["--after", "[\"abc\",\"x\"]"], "`after` is not what an earlier answer of this search gave"),
    ];
    for (asked, expect) in cases {
        let words = [&["search"][..], asked].concat();
        for (store, project) in [("server", &bench.project), ("embedded", &local)] {
            let output = project.told(&words).await;
            let said = error(&output);
            assert!(!output.status.success() && said.contains(expect), "{store} {asked:?}: {said}");
            assert!(!said.contains("status 4"), "{store} {asked:?}: {said}");
        }
    }
    // Of these nothing is left, and that is told; where something is left, nothing is.
    for (words, told) in [("de la", true), ("-", true), ("\"🚀\"", true), ("-de l'", false), ("de data", false)] {
        for (store, project) in [("server", &bench.project), ("embedded", &local)] {
            let (_, said) = project.done(&["search", "--", words]).await;
            assert_eq!(said.contains("nothing is left of the words to search for"), told, "{store} {words}: {said}");
            assert!(!told || said.contains("\n0 offers"), "{store} {words}: {said}");
        }
    }
    // What one store gives as the end of a page the same one takes; of another order it does not.
    let id = "00000000000000000000000000000000";
    for (sort, after, takes) in [
        ("published_at", format!("[1767225600000,\"{id}\"]"), true),
        ("published_at", format!("[\"2026\",\"{id}\"]"), false),
        ("published_at", format!("[9223372036854775808,\"{id}\"]"), false),
        ("salary.yearly_min", format!("[\"Infinity\",\"{id}\"]"), true),
        ("salary.yearly_min", format!("[\"abc\",\"{id}\"]"), false),
        ("company.name", format!("[null,\"{id}\"]"), true),
        ("company.name", format!("[5,\"{id}\"]"), false),
        ("company.name", "[\"a\",\"x\"]".to_owned(), false),
    ] {
        let output = bench.project.told(&["search", "--sort", sort, "--after", &after]).await;
        assert_eq!(output.status.success(), takes, "{sort} {after}: {}", error(&output));
        assert!(!error(&output).contains("status 4"), "{sort} {after}: {}", error(&output));
    }
    // More values than the server counts, and the same again with intervals that are longer.
    let few = json!({"persistent": {"search.max_buckets": 5}});
    bench.hand("PUT", "_cluster/settings", few).await;
    let output = bench.project.told(&["search", "--facet", "company.name:1000"]).await;
    assert!(
        error(&output).contains("`search.max_buckets`") && !error(&output).contains("status"),
        "{}",
        error(&output)
    );
    bench.hand("PUT", "_cluster/settings", json!({"persistent": {"search.max_buckets": null}})).await;
    for project in [&bench.project, &local] {
        let (found, _) =
            project.done(&["search", "--facet", "published_at:day", "--facet", "salary.yearly_min:0.001"]).await;
        assert!(found.contains("published_at:day"), "{found}");
    }
}
