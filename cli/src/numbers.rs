//! Numbers of the command line: each has its bounds, and says them.

/// Most entries or records that are printed at once.
pub const SHOWN: u64 = 100_000;
/// Most offers of a simulated site: they are kept in memory.
pub const SIMULATED: u64 = 1_000_000;
/// Most that the number of an entry can be.
pub const NUMBERED: u64 = i64::MAX as u64;

/// Reads a whole number whose bound is told by what uses it.
pub fn any<N: TryFrom<u64>>(text: &str) -> Result<N, String> {
    let number = text.parse::<u64>().ok().and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("a whole number from 0 to {} is wanted", u64::MAX))
}

/// Reads a whole number between two bounds.
pub fn whole<N: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| format!("a whole number from {least} to {most} is wanted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outside_its_bounds_says_them() {
        let check = |text: &str, expect: Result<i64, &str>| {
            assert_eq!(whole::<i64>(1, 10)(text), expect.map_err(str::to_owned), "{text}");
        };
        let refused = Err("a whole number from 1 to 10 is wanted");
        check("1", Ok(1));
        check("10", Ok(10));
        for text in ["0", "11", "-1", "", "nan", "1e3", "1.5", "9223372036854775808", "18446744073709551616"] {
            check(text, refused);
        }
        assert_eq!(whole::<i64>(0, u64::MAX)("18446744073709551615").ok(), None);
    }
}
