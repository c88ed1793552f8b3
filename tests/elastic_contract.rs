//! What the index has to be for a run to live with it: templates, settings and hands of others are told before the first page,
//! and the calls that are named mend it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "elasticsearch/bench.rs"]
mod bench;
#[path = "elasticsearch/hand.rs"]
mod hand;
#[path = "elasticsearch/node.rs"]
mod node;
#[path = "elasticsearch/proxy.rs"]
mod proxy;
mod shipped;

use std::time::Duration;

use bench::Bench;
use hand::{behind, hand};
use jobmarket::event::{EventKind, Outcome};
use jobmarket::run::{Asked, run};
use jobmarket::store::elastic::Elastic;
use node::Node;
use proxy::{Asked as Request, Proxy};
use serde_json::{Value, json};

/// Opens the store as a run does, before its first page.
async fn opened(bench: &Bench) -> Result<Elastic, String> {
    let plan = bench.plan("remotive");
    Elastic::to_write(plan.server.as_ref().unwrap(), plan.schema.clone()).await.map_err(|error| error.to_string())
}

/// Runs the source; what ends the run before it begins.
async fn refused(bench: &Bench) -> String {
    let (engine, mut heard) = bench.engine();
    let told = run(bench.plan("remotive"), engine, bench.now, Asked::Due).await.unwrap_err().to_string();
    assert!(heard.try_recv().is_err(), "a run that is refused begins nothing");
    told
}

/// Carries out the calls that a message names, the last of which mends it.
async fn mended(node: &Node, message: &str) {
    let mut calls = 0;
    for call in message.split('`').skip(1).step_by(2) {
        let Some((method, rest)) = call.split_once(' ') else { continue };
        if ["PUT", "POST", "DELETE"].contains(&method) {
            let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
            hand(node, method, path.trim_start_matches('/'), body).await;
            calls += 1;
        }
    }
    assert!(calls > 0, "no call is named: {message}");
}

fn holds(message: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(message.contains(word), "`{word}` is not in: {message}"));
}

async fn template(node: &Node, pattern: &str, body: &Value) {
    let body = json!({"index_patterns": [pattern], "priority": 500, "template": body}).to_string();
    hand(node, "PUT", "_index_template/theirs", &body).await;
}

/// Deletes all that the program made.
async fn cleared(node: &Node) {
    let all = hand(node, "GET", "jobmarket-*?expand_wildcards=all", "").await;
    for name in all.as_object().unwrap().keys() {
        hand(node, "DELETE", name, "").await;
    }
}

/// The index of offers.
async fn index(node: &Node) -> String {
    behind(node, "jobmarket-offers-write").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_template_gives_the_index_is_told_with_its_name_before_the_first_page() {
    let node = Node::start();
    let proxy = Proxy::start(&node.url).await;
    let mut bench = Bench::at(node, &proxy.url, 0).await;
    let mapping = "has another mapping than the schema";
    let settings = "has settings that a run cannot live with";
    let cases = [
        (json!({"mappings": {"_source": {"enabled": false}}}), vec![mapping, "`_source.enabled` is false"]),
        (json!({"mappings": {"_source": {"excludes": ["description"]}}}), vec![mapping, "`_source` leaves fields out"]),
        (json!({"mappings": {"_source": {"mode": "synthetic"}}}), vec![mapping, "`_source.mode`"]),
        (json!({"mappings": {"_routing": {"required": true}}}), vec![mapping, "`_routing.required` is true"]),
        (json!({"mappings": {"enabled": false}}), vec![mapping, "it has `enabled`: false"]),
        (
            json!({"mappings": {"runtime": {"salary.min": {"type": "keyword"}}}}),
            vec![mapping, "the runtime field `salary.min`"],
        ),
        (
            json!({"settings": {"index.default_pipeline": "enrich"}}),
            vec![settings, "`index.default_pipeline` is `enrich`"],
        ),
        (json!({"settings": {"index.final_pipeline": "audit"}}), vec![settings, "`index.final_pipeline` is `audit`"]),
        (json!({"settings": {"index.max_result_window": 100}}), vec![settings, "`index.max_result_window` is `100`"]),
        (json!({"settings": {"index.mode": "logsdb"}}), vec![settings, "`index.mode` is `logsdb`"]),
        (
            json!({"settings": {"index.mapping.source.mode": "synthetic"}}),
            vec![settings, "`index.mapping.source.mode` is `synthetic`"],
        ),
        (
            json!({"settings": {"analysis": {"filter": {"french_stop": {"type": "stop", "ignore_case": true}}}}}),
            vec![settings, "`index.analysis.filter.french_stop.ignore_case` is not what the program set"],
        ),
        (
            json!({"settings": {"analysis": {"char_filter": {"french_plus":
                {"type": "pattern_replace", "pattern": "x", "flags": "CASE_INSENSITIVE"}}}}}),
            vec![settings, "`index.analysis.char_filter.french_plus.flags` is not what the program set"],
        ),
    ];
    for (body, words) in cases {
        template(&bench.node, "jobmarket-offers-*", &body).await;
        let told = refused(&bench).await;
        holds(&told, &words);
        holds(&told, &["the index `jobmarket-offers-", "the index template `theirs` (`GET /_index_template/theirs`)"]);
        // Told again as long as nobody does anything, and over with the calls that are named.
        assert_eq!(refused(&bench).await, told);
        hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
        mended(&bench.node, &told).await;
        opened(&bench).await.unwrap();
        cleared(&bench.node).await;
    }

    // One part of several, and the older kind of templates; both of a name that matches more than ours.
    let part = json!({"template": {"settings": {"index.final_pipeline": "audit"}}}).to_string();
    hand(&bench.node, "PUT", "_component_template/auditing", &part).await;
    let whole = json!({"index_patterns": ["job*-offers-*"], "priority": 500, "composed_of": ["auditing"]}).to_string();
    hand(&bench.node, "PUT", "_index_template/theirs", &whole).await;
    let told = refused(&bench).await;
    holds(&told, &["the component template `auditing` (`GET /_component_template/auditing`)"]);
    assert!(!told.contains("`theirs`"), "{told}");
    hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
    cleared(&bench.node).await;
    let older = json!({"index_patterns": ["*"], "mappings": {"_source": {"enabled": false}}}).to_string();
    hand(&bench.node, "PUT", "_template/old", &older).await;
    holds(&refused(&bench).await, &["`_source.enabled` is false", "the template `old` (`GET /_template/old`)"]);
    // A role that may not ask for templates: the message says no less of the index.
    proxy.restrict(|asked: &Request| match asked.path.contains("template") {
        true => Err("unauthorized".into()),
        false => Ok(()),
    });
    holds(
        &refused(&bench).await,
        &["`_source.enabled` is false", "which this credential may not ask for", "`DELETE /"],
    );
    proxy.restrict(|_: &Request| Ok(()));
    hand(&bench.node, "DELETE", "_template/old", "").await;
    cleared(&bench.node).await;

    // What does no harm is used, and told where it is worth that.
    let body = json!({
        "settings": {"index.translog.durability": "async", "index.number_of_routing_shards": 4, "index.priority": 7,
            "index.hidden": true, "index.final_pipeline": "_none", "index.mapping.ignore_malformed": true,
            "analysis": {"analyzer": {"theirs": {"type": "standard"}}}},
        "mappings": {"date_detection": false, "dynamic_templates": [{"a": {"match": "a*", "mapping": {"type": "keyword"}}}],
            "runtime": {"today": {"type": "keyword"}}, "properties": {"team": {"type": "keyword"},
            "salary": {"dynamic": "strict", "properties": {"note": {"type": "text"}}}}}
    });
    template(&bench.node, "jobmarket-*", &body).await;
    let (summary, events) = bench.run("remotive").await;
    assert_eq!((summary.outcome, summary.counts.indexed), (Outcome::Complete, 250), "{:?}", summary.cause);
    let told: Vec<String> = events
        .into_iter()
        .filter_map(|event| if let EventKind::Warned { message } = event.kind { Some(message) } else { None })
        .collect();
    let told = told.join("\n");
    holds(&told, &["`index.translog.durability` set to `async`", "`index.mapping.ignore_malformed` set to `true`"]);
    holds(&told, &["fields that are not of the schema: `salary.note`, `team`"]);
    assert_eq!(bench.stored("remotive").await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hand_changes_of_the_index_is_told_and_the_calls_that_are_named_mend_it() {
    let mut bench = Bench::new(0).await;
    bench.run("remotive").await;
    let name = index(&bench.node).await;
    let setting = |text: &str| ("_settings", text.to_owned());
    let mapping = |text: &str| ("_mapping", text.to_owned());
    let cases = [
        (setting(r#"{"index.default_pipeline": "enrich"}"#), "`index.default_pipeline` is `enrich`"),
        (setting(r#"{"index.max_result_window": 10}"#), "`index.max_result_window` is `10`"),
        (setting(r#"{"index.mapping.total_fields.limit": 20}"#), "`index.mapping.total_fields.limit` is `20`"),
        (mapping(r#"{"dynamic": true}"#), "`dynamic` is true and not strict"),
        (mapping(r#"{"runtime": {"title": {"type": "keyword"}}}"#), "the runtime field `title`"),
    ];
    for ((api, body), words) in cases {
        hand(&bench.node, "PUT", &format!("{name}/{api}"), &body).await;
        let told = refused(&bench).await;
        holds(&told, &[&name, words, "No index template has it: somebody changed the index"]);
        assert!(!told.contains("DELETE"), "no offer is lost for it: {told}");
        mended(&bench.node, &told).await;
        opened(&bench).await.unwrap();
    }
    // What cannot be taken back takes another index, which the archive fills.
    for (field, words) in [
        (r#"{"url": {"type": "keyword", "ignore_above": 10}}"#, "`url` has `ignore_above`: 10 and not 8000"),
        (r#"{"source_id": {"type": "keyword", "ignore_above": 8000, "copy_to": "url"}}"#, "`source_id` has `copy_to`"),
        (
            r#"{"title": {"type": "text", "analyzer": "french_text", "search_analyzer": "standard"}}"#,
            "`search_analyzer`: standard",
        ),
    ] {
        hand(&bench.node, "PUT", &format!("{name}/_mapping"), &format!(r#"{{"properties": {field}}}"#)).await;
        let told = refused(&bench).await;
        holds(&told, &["has another mapping than the schema", words, "`jobmarket replay SOURCE` writes again"]);
        mended(&bench.node, &told).await;
        one(&opened(&bench).await.unwrap()).await.unwrap();
    }
    // Notices.
    hand(&bench.node, "PUT", &format!("{name}/_settings"), r#"{"index.refresh_interval": "-1"}"#).await;
    let fields =
        r#"{"properties": {"url": {"type": "keyword", "ignore_above": 9000, "fields": {"raw": {"type": "keyword"}}}}}"#;
    hand(&bench.node, "PUT", &format!("{name}/_mapping"), fields).await;
    let notices = opened(&bench).await.unwrap().notices.join("\n");
    holds(&notices, &["`index.refresh_interval` set to `-1`", "the field `url`", "`ignore_above`: 9000 and not 8000"]);
    hand(&bench.node, "PUT", &format!("{name}/_settings"), r#"{"index.refresh_interval": "5m"}"#).await;
    let told = opened(&bench).await.unwrap().notices.join("\n");
    holds(&told, &["`index.refresh_interval` set to `5m`", "`fields`"]);
    mended(&bench.node, told.lines().find(|line| line.contains("refresh_interval")).unwrap()).await;
    assert!(!opened(&bench).await.unwrap().notices.join("\n").contains("refresh_interval"));

    // Made by hand, as a copy or a restored snapshot is, with a mapping that keeps nothing: found when it is read, and so
    // is an index that documents are copied from.
    let made = hand(&bench.node, "GET", &name, "").await;
    let mut copy = json!({"mappings": made[&name]["mappings"], "aliases": made[&name]["aliases"],
        "settings": {"analysis": made[&name]["settings"]["index"]["analysis"]}});
    copy["mappings"]["_source"] = json!({"enabled": false});
    hand(&bench.node, "DELETE", &name, "").await;
    hand(&bench.node, "PUT", &name, &copy.to_string()).await;
    holds(&refused(&bench).await, &[&name, "`_source.enabled` is false"]);
    let text = bench.texts.iter_mut().find(|text| text.path == "mappings/offer.yaml").unwrap();
    text.text += "\nseniority: {keyword: {doc: Added}}\n";
    let told = refused(&bench).await;
    holds(&told, &[&name, "`_source.enabled` is false"]);
    mended(&bench.node, &told).await;
    opened(&bench).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_of_claims_is_looked_at_as_the_one_of_offers_and_a_changed_claim_is_told() {
    let mut bench = Bench::new(0).await;
    for (body, words) in [
        (json!({"mappings": {"_source": {"enabled": false}}}), "`_source.enabled` is false"),
        (json!({"mappings": {"_routing": {"required": true}}}), "`_routing.required` is true"),
        (json!({"settings": {"index.default_pipeline": "enrich"}}), "`index.default_pipeline` is `enrich`"),
        (json!({"mappings": {"properties": {"fence": {"type": "date"}}}}), "`fence` is date and not keyword"),
    ] {
        template(&bench.node, "jobmarket-*", &body).await;
        let told = refused(&bench).await;
        holds(&told, &["the index `jobmarket-claims`", words, "the index template `theirs`"]);
        hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
        mended(&bench.node, &told).await;
        opened(&bench).await.unwrap();
        cleared(&bench.node).await;
    }
    bench.run("remotive").await;
    // By hand: its mapping, its block, its claims.
    hand(&bench.node, "PUT", "jobmarket-claims/_mapping", r#"{"dynamic": "strict"}"#).await;
    let told = refused(&bench).await;
    holds(&told, &["the index `jobmarket-claims`", "`dynamic` is strict"]);
    mended(&bench.node, &told).await;
    opened(&bench).await.unwrap();
    hand(&bench.node, "PUT", "jobmarket-claims/_settings", r#"{"index.blocks.write": true}"#).await;
    let told = opened(&bench).await.unwrap_err();
    holds(&told, &["the index `jobmarket-claims` is read-only (`index.blocks.write`)"]);
    mended(&bench.node, &told).await;
    let claim = hand(&bench.node, "GET", "jobmarket-claims/_doc/remotive", "").await["_source"].clone();
    for fence in [json!("abc"), json!(null), json!(-4), json!("9223372036854775807"), json!([1]), json!("17179869183")]
    {
        let mut changed = claim.clone();
        changed["fence"] = fence.clone();
        hand(&bench.node, "PUT", "jobmarket-claims/_doc/remotive", &changed.to_string()).await;
        let told = refused(&bench).await;
        holds(&told, &["the claim of `remotive` in the index `jobmarket-claims`", &format!("`fence`: {fence}")]);
        mended(&bench.node, &told).await;
        hand(&bench.node, "PUT", "jobmarket-claims/_doc/remotive", &claim.to_string()).await;
    }
    // The same number in another form, and members of others, say what they said.
    let mut changed = claim.clone();
    changed["fence"] = json!(claim["fence"].as_str().unwrap().parse::<u64>().unwrap());
    changed["note"] = json!("ours");
    hand(&bench.node, "PUT", "jobmarket-claims/_doc/remotive", &changed.to_string()).await;
    let (next, _) = bench.run("remotive").await;
    assert_eq!((next.outcome, next.counts.unchanged), (Outcome::Complete, 250), "{:?}", next.cause);

    // The name on two other indices.
    hand(&bench.node, "DELETE", "jobmarket-claims", "").await;
    for other in ["one", "two"] {
        hand(&bench.node, "PUT", other, r#"{"aliases": {"jobmarket-claims": {}}}"#).await;
    }
    let told = refused(&bench).await;
    holds(&told, &["`jobmarket-claims` is an alias of several indices (one, two)"]);
    mended(&bench.node, &told).await;
    let (next, _) = bench.run("remotive").await;
    assert_eq!((next.outcome, next.counts.unchanged), (Outcome::Complete, 250), "{:?}", next.cause);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_the_server_does_not_make_is_told_with_the_setting_and_the_template() {
    let bench = Bench::new(0).await;
    let limits = [
        (json!({"mappings": {"subobjects": false}}), "subobjects is set to false"),
        (json!({"settings": {"index.mapping.total_fields.limit": 30}}), "`index.mapping.total_fields.limit`"),
        (json!({"settings": {"index.mapping.depth.limit": 1}}), "`index.mapping.depth.limit`"),
        (json!({"settings": {"index.sort.field": "nowhere"}}), "unknown index sort field"),
    ];
    for (body, words) in limits {
        template(&bench.node, "jobmarket-offers-*", &body).await;
        let told = refused(&bench).await;
        holds(&told, &["the index `jobmarket-offers-", "cannot be made: the server says: ", words]);
        holds(&told, &["the index template `theirs` (`GET /_index_template/theirs`)"]);
        hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
    }
    let streams = json!({"index_patterns": ["jobmarket-*"], "priority": 500, "data_stream": {}}).to_string();
    if hand_may(&bench.node, "_index_template/theirs", &streams).await {
        holds(&refused(&bench).await, &["cannot be made", "data streams only", "`theirs`"]);
        hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
    }
    cleared(&bench.node).await;
    let cluster = |setting: &str, value: Value| json!({"persistent": {setting: value}}).to_string();
    hand(&bench.node, "PUT", "_cluster/settings", &cluster("cluster.max_shards_per_node", json!(1))).await;
    hand(&bench.node, "PUT", "full", r#"{"settings": {"number_of_replicas": 0}}"#).await;
    let told = refused(&bench).await;
    holds(
        &told,
        &["the index `jobmarket-claims` cannot be made", "maximum normal shards open", "`cluster.max_shards_per_node`"],
    );
    mended(&bench.node, &told).await;
    opened(&bench).await.unwrap();
    cleared(&bench.node).await;

    // No node takes a shard: that is told within seconds, and over when it is lifted.
    hand(&bench.node, "PUT", "_cluster/settings", &cluster("cluster.routing.allocation.enable", json!("none"))).await;
    let (engine, mut heard) = bench.engine();
    let (plan, now) = (bench.plan("remotive"), bench.now);
    let running = tokio::spawn(async move { run(plan, engine, now, Asked::Due).await });
    let away = tokio::time::timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap();
    let EventKind::StoreAway { why, .. } = away.kind else { panic!("{away:?}") };
    holds(
        &why,
        &[
            "the index `jobmarket-claims` was made, and no node has taken its shard",
            "cluster.routing.allocation.enable",
        ],
    );
    hand(&bench.node, "PUT", "_cluster/settings", &cluster("cluster.routing.allocation.enable", Value::Null)).await;
    let summary = running.await.unwrap().unwrap();
    assert_eq!((summary.outcome, summary.counts.new), (Outcome::Complete, 250), "{:?}", summary.cause);
    // An index that asks for nodes that are not there is red, and what it asks is told.
    cleared(&bench.node).await;
    let asks = json!({"settings": {"index.routing.allocation.require.box": "hot"}});
    template(&bench.node, "jobmarket-offers-*", &asks).await;
    holds(&opened(&bench).await.unwrap_err(), &["`jobmarket-offers-", "was made, and no node has taken its shard"]);
    let told = opened(&bench).await.unwrap_err();
    holds(&told, &["the index `jobmarket-offers-", "is red", "`index.routing.allocation.require.box`: \"hot\""]);
    hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
    let name = index(&bench.node).await;
    hand(&bench.node, "PUT", &format!("{name}/_settings"), r#"{"index.routing.allocation.require.box": null}"#).await;

    // Made again in the middle of a run: a template that came meanwhile has its say, and the run does not go on with that.
    hand(&bench.node, "GET", "_cluster/health?wait_for_status=green&timeout=20s", "").await;
    let store = opened(&bench).await.unwrap();
    template(&bench.node, "jobmarket-offers-*", &json!({"mappings": {"_source": {"enabled": false}}})).await;
    hand(&bench.node, "DELETE", &name, "").await;
    let told = one(&store).await.unwrap_err();
    holds(&told, &[&name, "`_source.enabled` is false", "`theirs`"]);
    hand(&bench.node, "DELETE", "_index_template/theirs", "").await;
    mended(&bench.node, &told).await;
    one(&store).await.unwrap();
}

/// Writes one offer.
async fn one(store: &Elastic) -> Result<(), String> {
    use jobmarket::offer::{Batch, Item, Lifecycle, OfferId, Version};
    let (id, version, at) = (OfferId::new("remotive", "one"), Version::new(2_000_000_000, 1), chrono::Utc::now());
    let content = format!(r#"{{"id":"{id}","source":"remotive","source_id":"one","url":"u","title":"One"}}"#);
    let lifecycle = Lifecycle { first_seen_at: at, changed_at: at, closed: None, page: version, mapping: "m".into() };
    let item = Item { row: 1, id, content: 1, lifecycle, text: content.into() };
    let written = store.write(&Batch { version, items: vec![item] }).await;
    written.map(|written| assert_eq!(written.refused, [])).map_err(|error| error.to_string())
}

/// Whether the server takes a template: one without data streams does not.
async fn hand_may(node: &Node, path: &str, body: &str) -> bool {
    let address = format!("{}/{path}", node.url);
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-fsS", "-X", "PUT", &address, "-H", "Content-Type: application/json", "-d", body]);
    curl.output().await.unwrap().status.success()
}
