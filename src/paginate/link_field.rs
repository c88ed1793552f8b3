//! The header `Link` by the grammar of RFC 8288, read as its appendix B asks recipients to.
use percent_encoding::percent_decode_str;

/// The target of the first link whose relation is `next`; an error where a field is no list of links.
pub(super) fn next_target<'f>(fields: impl Iterator<Item = &'f str>) -> Result<Option<String>, String> {
    let mut next = None;
    for field in fields {
        for link in links(field).ok_or_else(|| field.to_owned())? {
            if link.is_next() && next.is_none() {
                next = Some(link.target);
            }
        }
    }
    Ok(next)
}

struct Link {
    target: String,
    /// The first parameter `rel`; later ones do not count.
    relation: Option<String>,
}

impl Link {
    /// Whether one of its relation types is `next`, in any case.
    fn is_next(&self) -> bool {
        let relation = self.relation.as_deref().unwrap_or_default();
        relation.split_whitespace().any(|word| word.trim_matches('\'').eq_ignore_ascii_case("next"))
    }
}

/// All links of a field; `None` where the grammar does not hold. Empty elements of the list are passed over.
fn links(field: &str) -> Option<Vec<Link>> {
    let mut rest = field.trim_start_matches([' ', '\t', ',']);
    let mut links = Vec::new();
    while !rest.is_empty() {
        let (target, behind) = rest.strip_prefix('<')?.split_once('>')?;
        let mut link = Link { target: target.trim().to_owned(), relation: None };
        rest = parameters(behind, &mut link)?;
        links.push(link);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    Some(links)
}

/// Reads the parameters of a link; what is behind them.
fn parameters<'f>(mut rest: &'f str, link: &mut Link) -> Option<&'f str> {
    loop {
        rest = blank(rest);
        let Some(behind) = rest.strip_prefix(';') else { return Some(rest) };
        rest = blank(behind);
        let (name, behind) = rest.split_at(rest.find([' ', '\t', '=', ';', ',']).unwrap_or(rest.len()));
        rest = blank(behind);
        let mut value = String::new();
        if let Some(behind) = rest.strip_prefix('=') {
            (value, rest) = parameter_value(blank(behind))?;
        }
        if link.relation.is_none() {
            link.relation = match name.to_ascii_lowercase().as_str() {
                "rel" => Some(value),
                "rel*" => value.rsplit('\'').next().map(|text| percent_decode_str(text).decode_utf8_lossy().into()),
                _ => None,
            };
        }
    }
}

/// A quoted string, a backslash taking the sign behind it as it is, or a token; and what is behind it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, behind) = text.split_at(text.find([' ', '\t', ';', ',']).unwrap_or(text.len()));
        return Some((token.to_owned(), behind));
    };
    let mut value = String::new();
    let mut signs = quoted.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(signs.next()?.1),
            sign => value.push(sign),
        }
    }
    None
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, expect: Option<&str>) {
        assert_eq!(next_target([field].into_iter()), Ok(expect.map(str::to_owned)), "{field}");
    }

    #[test]
    fn forms_that_the_grammar_allows() {
        check(r#"</p>; rel=prev, </n>; rel="next""#, Some("/n"));
        check(r#"</n>; title="x, y"; rel="next""#, Some("/n"));
        check(r#"</p>; title="a \"quoted\", <b>; rel=next"; rel=prev, </n>; rel=next"#, Some("/n"));
        check(r#"</p>; rel="prev", , </n>; rel="next","#, Some("/n"));
        check("</n?f=a,b;c>;REL=NEXT", Some("/n?f=a,b;c"));
        check("</n>; crossorigin; rel=\"last next\"; title", Some("/n"));
        check("< /n > ; rel = next", Some("/n"));
        check("</n>;;rel='next'", Some("/n"));
        check("</n>; rel*=UTF-8'en'ne%78t", Some("/n"));
        check("</n>; rel=prev; rel=next", None);
        check("</a>; rel=nextish, </b>", None);
        check("</a>; rel=next, </b>; rel=next", Some("/a"));
        check("", None);
        check("<>; rel=next", Some(""));
    }

    #[test]
    fn several_fields_are_one_list() {
        let fields = ["</a>; rel=first", "</n>; title=\"é\u{fffd}\"; rel=next"];
        assert_eq!(next_target(fields.into_iter()), Ok(Some("/n".into())));
    }

    #[test]
    fn what_is_no_list_of_links_is_an_error() {
        for field in ["/n; rel=next", "</n; rel=next", "</n>; rel=\"next", "</n> x; rel=next", "</n>; rel=\"a\"b, </c>"]
        {
            assert_eq!(next_target([field].into_iter()), Err(field.to_owned()), "{field}");
        }
    }
}
