//! The table of words: what is typed, and the titles that each store finds.
use serde_json::json;

use super::*;
use crate::schema::LONGEST_KEYWORD;
use crate::search::french::terms;
use hand::hand;

/// One offer for each title; `|` stands before a description.
const TITLES: &[&str] = &[
    "Développeur C++",
    "Développeur C++17 embarqué",
    "Développeur C# / ASP.NET",
    "Développeur C",
    "Développeur iOS Objective-C",
    "Statisticien R",
    "Ingénieur R&D",
    "Ingénieur F#",
    "Consultant X++",
    "Vendeur H/F",
    "Architecte .NET",
    "Chef de projet dotnet",
    "Technicien réseau|Site: www.emploi.net",
    "Développeur Node.js",
    "Développeuse NodeJS",
    "DBA PL/SQL",
    "Analyste T-SQL",
    "Ingénieur CI/CD",
    "Testeur A/B",
    "Chauffeur permis B",
    "Comptable en C.D.I.",
    "Secrétaire|Poste en CDI",
    "L’analyste d'affaires",
    "Conseiller prud’homal|Dès aujourd’hui",
    "Chef de\u{301}corateur",
    "Maître d’œuvre",
    "Ingénieure systèmes",
    "Infirmière",
    "Conseillère clientèle",
    "Directrice financière",
    "Chargée d'études",
    "Consultante SAP",
    "Commerciaux sédentaires",
    "Administrateur réseaux",
    "Soigneur de chevaux",
    "Data analystes",
    "Data engineer",
    "Sage-femme",
    "Ｐｒｏｄｕｃｔ Ｏｗｎｅｒ",
    "Chef\u{200b}fe de ra\u{ad}yon",
    "🚀 Growth 🚀",
    "Agent AND",
    "Livreur|C.D.D. C.D.I. ou intérim",
    "Chargé d' affaires",
    "Technicien R & D",
    "Testeur A / B",
    "Formateur Objective C",
    "Caissier F/H",
    "Intégrateur .NET8",
];

/// What is typed, and what is found, in the order of the letters.
const WORDS: &[(&str, &str)] = &[
    // Words with signs.
    ("C++", "Développeur C++, Développeur C++17 embarqué"),
    ("c++", "Développeur C++, Développeur C++17 embarqué"),
    ("Ｃ＋＋", "Développeur C++, Développeur C++17 embarqué"),
    ("C++17", "Développeur C++17 embarqué"),
    ("cplusplus -embarqué", "Développeur C++"),
    ("C#", "Développeur C# / ASP.NET"),
    ("c♯", "Développeur C# / ASP.NET"),
    ("c sharp", "Développeur C# / ASP.NET"),
    ("csharp", "Développeur C# / ASP.NET"),
    ("C", "Développeur C"),
    ("développeur -C++ -c# -node.js -objective-c", "Développeur C"),
    ("R", "Statisticien R"),
    ("R&D", "Ingénieur R&D, Technicien R & D"),
    ("r & d", "Ingénieur R&D, Technicien R & D"),
    ("F#", "Ingénieur F#"),
    ("F", "Caissier F/H, Vendeur H/F"),
    ("H/F", "Caissier F/H, Vendeur H/F"),
    ("f / h", "Caissier F/H, Vendeur H/F"),
    ("X++", "Consultant X++"),
    (".NET", "Architecte .NET, Chef de projet dotnet, Développeur C# / ASP.NET, Intégrateur .NET8"),
    ("Dot Net -asp -.NET8", "Architecte .NET, Chef de projet dotnet"),
    ("dotnet", "Architecte .NET, Chef de projet dotnet, Développeur C# / ASP.NET, Intégrateur .NET8"),
    ("asp.net", "Développeur C# / ASP.NET"),
    ("net", "Technicien réseau"),
    ("emploi.net", "Technicien réseau"),
    ("Node.js", "Développeur Node.js, Développeuse NodeJS"),
    ("nodejs", "Développeur Node.js, Développeuse NodeJS"),
    ("Node", "Développeur Node.js, Développeuse NodeJS"),
    ("Objective-C", "Développeur iOS Objective-C, Formateur Objective C"),
    ("objective c -ios", "Formateur Objective C"),
    ("PL/SQL", "DBA PL/SQL"),
    ("plsql", "DBA PL/SQL"),
    ("T-SQL", "Analyste T-SQL"),
    ("SQL", "Analyste T-SQL, DBA PL/SQL"),
    ("CI/CD", "Ingénieur CI/CD"),
    ("CD/CI", ""),
    ("A/B", "Testeur A / B, Testeur A/B"),
    ("a / b", "Testeur A / B, Testeur A/B"),
    ("B", "Chauffeur permis B, Testeur A / B, Testeur A/B"),
    ("CDI", "Comptable en C.D.I., Livreur, Secrétaire"),
    ("c.d.i.", "Comptable en C.D.I., Livreur, Secrétaire"),
    ("cdd", "Livreur"),
    // Apostrophes, accents, letters that are two.
    ("l'analyste", "Analyste T-SQL, Data analystes, L’analyste d'affaires"),
    ("l’analyste", "Analyste T-SQL, Data analystes, L’analyste d'affaires"),
    ("lʼanalyste -sql -data", "L’analyste d'affaires"),
    ("l＇analyste -sql -data", "L’analyste d'affaires"),
    ("l‘analyste -sql -data", "L’analyste d'affaires"),
    ("l´analyste -sql -data", "L’analyste d'affaires"),
    ("QU'ANALYSTE -sql -data", "L’analyste d'affaires"),
    ("chargé d'affaires", "Chargé d' affaires"),
    ("chargé d’ affaires", "Chargé d' affaires"),
    ("l' analyste -sql -data", "L’analyste d'affaires"),
    ("aujourd'hui", "Conseiller prud’homal"),
    ("aujourd’hui", "Conseiller prud’homal"),
    ("prudhomal", "Conseiller prud’homal"),
    ("décorateur", "Chef de\u{301}corateur"),
    ("de\u{301}corateur", "Chef de\u{301}corateur"),
    ("DECORATEUR", "Chef de\u{301}corateur"),
    ("oeuvre", "Maître d’œuvre"),
    ("Œuvre", "Maître d’œuvre"),
    ("maitre d'oeuvre", "Maître d’œuvre"),
    ("product owner", "Ｐｒｏｄｕｃｔ Ｏｗｎｅｒ"),
    ("cheffe rayon", "Chef\u{200b}fe de ra\u{ad}yon"),
    ("ray\u{200d}on", "Chef\u{200b}fe de ra\u{ad}yon"),
    // Feminine forms and plurals.
    ("développeuse node", "Développeur Node.js, Développeuse NodeJS"),
    ("developpeurs node", "Développeur Node.js, Développeuse NodeJS"),
    ("ingénieur système", "Ingénieure systèmes"),
    ("ingenieures systemes", "Ingénieure systèmes"),
    ("infirmier", "Infirmière"),
    ("infirmieres", "Infirmière"),
    ("conseiller client", ""),
    ("conseiller clientèle", "Conseillère clientèle"),
    ("directeur financier", "Directrice financière"),
    ("chargé étude", "Chargée d'études"),
    ("consultant sap", "Consultante SAP"),
    ("commercial", "Commerciaux sédentaires"),
    ("réseau", "Administrateur réseaux, Technicien réseau"),
    ("administratrice", "Administrateur réseaux"),
    ("cheval", "Soigneur de chevaux"),
    ("data analyste", "Data analystes"),
    // Little words and what is left of nothing.
    ("de la", ""),
    ("le", ""),
    ("À", ""),
    ("-de", ""),
    ("-", ""),
    ("--", ""),
    ("\"", ""),
    ("\"\"", ""),
    ("(", ""),
    (":*?~\\^", ""),
    ("🚀", ""),
    ("\u{200b}", ""),
    ("l'", ""),
    ("maçon de la", ""),
    ("sage de la femme", "Sage-femme"),
    // Words, phrases, minus: nothing else means something.
    ("sage-femme", "Sage-femme"),
    ("femme-sage", ""),
    ("femme sage", "Sage-femme"),
    ("\"data engineer\"", "Data engineer"),
    ("“data engineer”", "Data engineer"),
    ("« data engineer »", "Data engineer"),
    ("\"engineer data\"", ""),
    ("\"data engineer", "Data engineer"),
    ("data -\"data engineer\"", "Data analystes"),
    ("data -engineer", "Data analystes"),
    ("data --engineer", "Data analystes"),
    ("data - engineer", "Data engineer"),
    ("(data) engineer?", "Data engineer"),
    ("title:data", ""),
    ("data*", "Data analystes, Data engineer"),
    ("data,engineer", "Data engineer"),
    ("engineer,data", "Data engineer"),
    ("data~ engineer^2", ""),
    ("data OR growth", ""),
    ("agent AND", "Agent AND"),
    ("growth 🚀", "Growth"),
    ("growth \\", "Growth"),
];

fn offers() -> Vec<(i64, String)> {
    let offer = |(number, title): (usize, &&str)| {
        let (title, description) = title.split_once('|').unwrap_or((title, "-"));
        let mut offer = json!({"source": "a", "title": title, "description": description});
        if let Some(sign) = LONG.get(number) {
            offer["company"] = json!({"name": long(sign)});
        }
        offer.to_string()
    };
    (1..).zip(TITLES.iter().enumerate().map(offer)).collect()
}

/// Values of the greatest length that a mapping leaves them are found by conditions and counted, by every store.
const LONG: [&str; 3] = ["a", "中", "🚀"];

fn long(sign: &str) -> String {
    sign.repeat(LONGEST_KEYWORD / sign.encode_utf16().count())
}

async fn finds_long_values(store: &impl Store) {
    let found = async |filter: &str, facets: &[&str]| {
        let filters = vec![Filter::parse(filter, &schema()).unwrap()];
        let facets = facets.iter().map(|facet| Facet::parse(facet, &schema()).unwrap()).collect();
        store.search(&Search { filters, facets, limit: 100, ..Search::default() }).await.unwrap()
    };
    assert_eq!(found("company.name=none", &[]).await.total, TITLES.len() - LONG.len());
    let mut names: Vec<String> = LONG.map(long).into();
    for name in &names {
        assert_eq!(found(&format!("company.name={name}"), &[]).await.total, 1);
    }
    let mut counted = found("company.name=any", &["company.name"]).await.facets.remove(0).1;
    names.sort();
    counted.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(counted, names.into_iter().map(|name| (name, 1.into())).collect::<Vec<_>>());
}

/// Every row, and searches as no person types them.
async fn finds_words(store: &impl Store) {
    let found = async |text: &str| {
        let search = Search { text: Some(text.to_owned()), limit: 100, ..Search::default() };
        let found = store.search(&search).await.map_err(|error| error.to_string())?;
        let mut titles: Vec<String> = found.hits.iter().map(|hit| title(hit.get()).replace("🚀 ", "")).collect();
        titles.sort();
        Ok::<_, String>(titles.join(", ").replace(" 🚀", ""))
    };
    let mut wrong = Vec::new();
    for (text, expect) in WORDS {
        let titles = found(text).await;
        if titles.as_deref() != Ok(expect) {
            wrong.push(format!("{text:?}: {titles:?} where {expect:?} is right"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), WORDS.len(), wrong.join("\n"));
    let without = found("-développeur").await.unwrap();
    assert_eq!(without.split(", ").count(), TITLES.len() - 7, "{without}");
    let many: Vec<String> = (0..2_000).map(|number| format!("mot{number}")).collect();
    let said = found(&many.join(" ")).await.unwrap_err();
    assert!(said.contains("2000 words are more than the 100"), "{said}");
    assert_eq!(found(&many[..100].join(" ")).await, Ok(String::new()));
    assert_eq!(found(&"growth ".repeat(2_000)).await, Ok("Growth".to_owned()));
    assert_eq!(found(&"é".repeat(10_000)).await, Ok(String::new()));
}

#[tokio::test]
async fn the_embedded_store_finds_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    drop(State::open(dir.path()).unwrap());
    offers().iter().for_each(|(row, doc)| write(dir.path(), *row, *row, doc));
    let store = Local::open(dir.path(), &schema()).unwrap().unwrap();
    finds_words(&store).await;
    finds_long_values(&store).await;
}

#[tokio::test]
async fn elasticsearch_finds_what_was_written() {
    let node = Node::start();
    let server = server(&node);
    let store = Elastic::to_write(&server, schema()).await.unwrap();
    assert_eq!(write_all(&store, Version::new(1, 1), &offers()).await, Written::default());
    finds_words(&store).await;
    finds_long_values(&store).await;
    analyses_alike(&node, &server.name).await;
    comes_from_an_older_layout(&node, &server).await;
}

/// The offers as an older version of the program left them: in an index whose words were cut in another way.
async fn comes_from_an_older_layout(node: &Node, server: &Server) {
    let (alias, write) = (&server.name, format!("{}-write", server.name));
    let made = hand(node, "GET", alias, "").await;
    let (ours, said) = made.as_object().unwrap().iter().next().unwrap();
    let older = format!("{alias}-0123456789abcdef");
    let filters = ["lowercase", "asciifolding", "french_stemmer"];
    let analysis = json!({
        "filter": {"french_stemmer": {"type": "stemmer", "language": "light_french"}},
        "analyzer": {"french_text": {"type": "custom", "tokenizer": "standard", "filter": filters}}
    });
    let mut mappings = said["mappings"].clone();
    mappings["_meta"] = json!({"layout": 2, "schema": "0123456789abcdef"});
    let body = json!({"settings": {"analysis": analysis}, "mappings": mappings}).to_string();
    hand(node, "PUT", &older, &body).await;
    let found = hand(node, "POST", &format!("{ours}/_search"), r#"{"size": 100, "version": true}"#).await;
    for hit in found["hits"]["hits"].as_array().unwrap() {
        let place = format!(
            "{older}/_doc/{}?version_type=external_gte&version={}",
            hit["_id"].as_str().unwrap(),
            hit["_version"]
        );
        hand(node, "PUT", &place, &hit["_source"].to_string()).await;
    }
    hand(node, "DELETE", ours, "").await;
    let actions = json!({"actions": [{"add": {"index": older, "alias": alias}},
        {"add": {"index": older, "alias": write, "is_write_index": true}}]});
    hand(node, "POST", "_aliases", &actions.to_string()).await;
    hand(node, "POST", &format!("{older}/_refresh"), "").await;

    let store = Elastic::to_write(server, schema()).await.unwrap();
    assert!(store.is_copying());
    let found = async |text: &str| {
        store.search(&Search { text: Some(text.to_owned()), ..Search::default() }).await.unwrap().total
    };
    // As it was, until all are over.
    assert_eq!((found("C++").await, found("décoratrice").await), (6, 0));
    assert_eq!(store.rebuild(&|_, _| {}).await.unwrap().documents, TITLES.len() as u64);
    assert_eq!((found("C++").await, found("décoratrice").await), (2, 1));
    let store = Elastic::to_write(server, schema()).await.unwrap();
    assert!(!store.is_copying());
    finds_words(&store).await;
}

/// Words of each ending that a stemmer knows, and each letter that may be folded or is none.
async fn analyses_alike(node: &Node, alias: &str) {
    let endings = "issement issements issant ivement ement ficatrice ficateur catrice cateur atrice ateur trice teuse \
                   teur euse euses ive ives folle molle nnelle nnel ique iques esse inage ualisation isation isateur \
                   ation ition ière iere ieres llère ngère ergere chère eure eures ère eur eurs er ers ée ées ees és \
                   aux eaux eux x s e ie ies rr ee lle ss1 2e";
    let stems = "d form direct communi quali ingén bou gestion chev produ administr conseill a";
    let mut texts: Vec<String> = stems
        .split_whitespace()
        .flat_map(|stem| endings.split_whitespace().map(move |ending| format!("{stem}{ending}")))
        .collect();
    texts.extend(TITLES.iter().chain(WORDS.iter().map(|(text, _)| text)).map(|text| (*text).to_owned()));
    texts.extend(
        [
            "m² ½ İstanbul ẞ Σίσυφος ΣΊΣΥΦΟΣ",
            "X++/F# et C++, C#.NET C.C. d' R & D, C.D.I./C.D.D. S.A.S. 'C' 'l'été'",
            "B.T.S A.B",
            "snake_case a@b.fr",
        ]
        .map(str::to_owned),
    );
    texts.push("é".repeat(300));
    // Not all letters: which are known as such is a matter of the version of Unicode, and Java's may be an older one.
    let ranges = [0x21..0x530, 0x1e00..0x2c00, 0xfb00..0xfb50, 0xfe00..0xfff0];
    let letters: Vec<char> = ranges.into_iter().flatten().filter_map(char::from_u32).collect();
    texts.extend(letters.chunks(40).map(|chunk| chunk.iter().flat_map(|sign| ['x', *sign, 'y', ' ']).collect()));
    let mut differ = Vec::new();
    for texts in texts.chunks(100) {
        // Between two values the places go up by a hundred: each text by itself, in one request.
        let body = json!({"analyzer": "french_text", "text": texts}).to_string();
        let answer = hand(node, "POST", &format!("{alias}/_analyze"), &body).await;
        let theirs: Vec<&str> =
            answer["tokens"].as_array().unwrap().iter().map(|token| token["token"].as_str().unwrap()).collect();
        let ours: Vec<String> = texts.iter().flat_map(|text| terms(text)).map(|(_, term)| term).collect();
        assert!(ours.len() > texts.len() / 2);
        differ.extend(
            ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != *theirs).take(5).map(|pair| format!("{pair:?}")),
        );
        assert_eq!(ours.len(), theirs.len(), "{differ:?}");
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
