//! `country`: a name or code to ISO 3166-1 alpha-2.
use super::ConvertError;
use crate::tree::Tree;

/// Names that ISO does not write so: French, German, and what sites say.
const OTHER: [(&str, &str); 62] = [
    ("allemagne", "DE"),
    ("deutschland", "DE"),
    ("germany", "DE"),
    ("autriche", "AT"),
    ("österreich", "AT"),
    ("belgique", "BE"),
    ("belgië", "BE"),
    ("belgien", "BE"),
    ("suisse", "CH"),
    ("schweiz", "CH"),
    ("svizzera", "CH"),
    ("espagne", "ES"),
    ("spanien", "ES"),
    ("españa", "ES"),
    ("italie", "IT"),
    ("italien", "IT"),
    ("italia", "IT"),
    ("pays-bas", "NL"),
    ("netherlands", "NL"),
    ("the netherlands", "NL"),
    ("niederlande", "NL"),
    ("holland", "NL"),
    ("royaume-uni", "GB"),
    ("united kingdom", "GB"),
    ("uk", "GB"),
    ("great britain", "GB"),
    ("england", "GB"),
    ("angleterre", "GB"),
    ("irlande", "IE"),
    ("états-unis", "US"),
    ("etats-unis", "US"),
    ("united states", "US"),
    ("usa", "US"),
    ("u.s.", "US"),
    ("u.s.a.", "US"),
    ("united states of america", "US"),
    ("frankreich", "FR"),
    ("france métropolitaine", "FR"),
    ("pologne", "PL"),
    ("polen", "PL"),
    ("portugal", "PT"),
    ("suède", "SE"),
    ("norvège", "NO"),
    ("danemark", "DK"),
    ("finlande", "FI"),
    ("grèce", "GR"),
    ("hongrie", "HU"),
    ("roumanie", "RO"),
    ("bulgarie", "BG"),
    ("tchéquie", "CZ"),
    ("czech republic", "CZ"),
    ("maroc", "MA"),
    ("tunisie", "TN"),
    ("algérie", "DZ"),
    ("sénégal", "SN"),
    ("brésil", "BR"),
    ("russie", "RU"),
    ("russia", "RU"),
    ("turquie", "TR"),
    ("turkey", "TR"),
    ("south korea", "KR"),
    ("vietnam", "VN"),
];

pub(super) fn country<'p>(value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
    let Some(text) = value.as_str() else {
        return Err(ConvertError::new("country", "text was expected", &value));
    };
    let text = text.trim();
    let upper = text.to_uppercase();
    let found = match upper.len() {
        2 => rust_iso3166::from_alpha2(&upper),
        3 => rust_iso3166::from_alpha3(&upper),
        _ => None,
    };
    if let Some(country) = found {
        return Ok(Tree::text(country.alpha2));
    }
    let lower = text.to_lowercase();
    if let Some((_, code)) = OTHER.iter().find(|(name, _)| *name == lower) {
        return Ok(Tree::text(code));
    }
    let named = rust_iso3166::ALL.iter().find(|country| country.name.to_lowercase() == lower);
    named
        .map(|country| Tree::text(country.alpha2))
        .ok_or_else(|| ConvertError::new("country", "no country of this name", &value))
}
