//! `geo($.lat, $.lon)`: a point, checked.
use super::ConvertError;
use crate::tree::Tree;

/// A point of two numbers or numeric texts; null when one is missing. 0,0 and what is out of range are errors.
pub(super) fn point<'p>(lat: &Tree<'_>, lon: &Tree<'_>) -> Result<Tree<'p>, ConvertError> {
    if lat.is_null() || lon.is_null() {
        return Ok(Tree::Null);
    }
    let number = |value: &Tree<'_>| match value {
        Tree::Int(_) | Tree::Float(_) | Tree::Number(_) => value.as_f64(),
        Tree::Text(text) => text.trim().replace(',', ".").parse::<f64>().ok(),
        _ => None,
    };
    let found = Tree::List(vec![lat.clone(), lon.clone()]);
    let (Some(lat), Some(lon)) = (number(lat), number(lon)) else {
        return Err(ConvertError::new("geo", "two numbers were expected", &found));
    };
    if lat == 0.0 && lon == 0.0 {
        return Err(ConvertError::new("geo", "0,0 is no place", &found));
    }
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lon) {
        return Err(ConvertError::new("geo", "out of range", &found));
    }
    Ok(Tree::Object(vec![("lat".into(), Tree::Float(lat)), ("lon".into(), Tree::Float(lon))]))
}

/// `$.point | geo` of an object that holds `lat` and `lon`.
pub(super) fn one<'p>(value: Tree<'p>) -> Result<Tree<'p>, ConvertError> {
    let pick = |names: [&str; 2]| names.iter().find_map(|name| value.get(name)).cloned().unwrap_or_default();
    let lon = [["lon", "lng"], ["longitude", "long"]].into_iter().map(pick).find(|found| !found.is_null());
    point(&pick(["lat", "latitude"]), &lon.unwrap_or_default())
}
