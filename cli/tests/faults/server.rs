//! The server itself, past the program and past the proxy: its indices, their documents, and copies of both.
use serde_json::{Value, json};

/// A server on loopback.
pub struct Server {
    url: String,
    client: reqwest::Client,
}

/// An index as it was at one moment, with all of its documents.
pub struct Copy {
    name: String,
    body: Value,
    hits: Vec<Value>,
}

/// Settings that an index is not made with: they are the server's own, or were set for a while.
const OWN: [&str; 7] =
    ["uuid", "creation_date", "version", "provided_name", "blocks", "default_pipeline", "verified_before_close"];

/// Documents of one request; no index of a schedule holds as many.
const ALL: usize = 10_000;

impl Server {
    pub fn new(url: &str) -> Self {
        Server { url: url.to_owned(), client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    /// One request; status and answer.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, text).await
    }

    /// One request that must succeed; what it says.
    pub async fn expect(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    async fn send(&self, method: &str, path: &str, text: String) -> (u16, Value) {
        let request = self.client.request(method.parse().unwrap(), format!("{}/{path}", self.url));
        let request = request.header("content-type", "application/json").body(text);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    /// Several lines as one request; each document's own status.
    pub async fn bulk(&self, path: &str, lines: &[Value]) -> Vec<u16> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let (_, answer) = self.send("POST", &format!("{path}/_bulk?refresh=true"), text).await;
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        let status = |item: &Value| item.as_object().and_then(|item| item.values().next()?["status"].as_u64());
        items.iter().map(|item| status(item).unwrap_or(0) as u16).collect()
    }

    /// Names of all indices, closed ones too.
    pub async fn indices(&self) -> Vec<String> {
        let all = self.expect("GET", "_all/_settings/index.uuid?expand_wildcards=all", Value::Null).await;
        all.as_object().unwrap().keys().cloned().collect()
    }

    /// Aliases, mapping and settings of an index; `None` where there is none of this name.
    pub async fn index(&self, name: &str) -> Option<Value> {
        let (status, mut answer) = self.ask("GET", name, Value::Null).await;
        // An alias answers with the index behind it.
        (status == 200).then(|| answer[name].take()).filter(|index| !index.is_null())
    }

    /// What stands for this very index, as long as nobody deletes it.
    pub async fn uuid(&self, name: &str) -> Option<String> {
        self.index(name).await?["settings"]["index"]["uuid"].as_str().map(str::to_owned)
    }

    /// All documents of an index, as the server shows them.
    pub async fn documents(&self, name: &str) -> Vec<Value> {
        self.ask("POST", &format!("{name}/_refresh"), Value::Null).await;
        let body = json!({"size": ALL, "version": true, "sort": ["_doc"]});
        let (_, mut answer) = self.ask("POST", &format!("{name}/_search"), body).await;
        let hits = answer["hits"]["hits"].take();
        hits.as_array().cloned().unwrap_or_default()
    }

    /// An index with its documents, under their versions.
    pub async fn copy(&self, name: &str) -> Option<Copy> {
        let mut body = self.index(name).await?;
        let settings = body["settings"]["index"].as_object_mut().unwrap();
        OWN.iter().for_each(|own| drop(settings.remove(*own)));
        Some(Copy { name: name.to_owned(), body, hits: self.documents(name).await })
    }

    /// Puts a copy back under its own name, in the place of what is there.
    pub async fn put_back(&self, copy: &Copy) {
        // A run that writes meanwhile may make the index first.
        for _ in 0..5 {
            self.ask("DELETE", &copy.name, Value::Null).await;
            if self.ask("PUT", &copy.name, copy.body.clone()).await.0 == 200 {
                break;
            }
        }
        self.fill(&copy.name, copy).await;
    }

    /// Makes an index of another name of a copy, without its aliases.
    pub async fn put_as(&self, name: &str, copy: &Copy) {
        let mut body = copy.body.clone();
        body["aliases"] = json!({});
        self.expect("PUT", name, body).await;
        self.fill(name, copy).await;
    }

    async fn fill(&self, name: &str, copy: &Copy) {
        let lines: Vec<Value> = copy
            .hits
            .iter()
            .flat_map(|hit| {
                let action = json!({"_id": hit["_id"], "version": hit["_version"], "version_type": "external_gte"});
                [json!({"index": action}), hit["_source"].clone()]
            })
            .collect();
        if !lines.is_empty() {
            self.bulk(name, &lines).await;
        }
    }

    /// Deletes every index.
    pub async fn clear(&self) {
        for index in self.indices().await {
            self.expect("DELETE", &index, Value::Null).await;
        }
    }
}
