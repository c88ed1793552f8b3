//! Inputs made out of good ones: changed a little, again and again, the same ones in each run.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Seconds for each target instead of a few rounds.
const SECONDS: &str = "JOBMARKET_FUZZ_SECONDS";
/// The seed of a single input, as a failure says it.
const SEED: &str = "JOBMARKET_FUZZ_SEED";
/// An input grows no longer than this.
const LONGEST: usize = 16 << 10;

/// Tries a target with inputs made out of good ones and of pieces that mean something there. A panic names the seed.
pub fn fuzz(rounds: u64, good: &[&str], pieces: &[&str], target: impl Fn(&[u8])) {
    let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let tried = |seed: u64| {
        let input = input(seed, good, pieces);
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            panic!("{SEED}={seed}: {}", input.escape_ascii());
        }
    };
    good.iter().for_each(|good| target(good.as_bytes()));
    match (given(SEED), given(SECONDS)) {
        (Some(seed), _) => tried(seed),
        (None, None) => (0..rounds).for_each(tried),
        (None, Some(seconds)) => {
            let (start, most) = (Instant::now(), Duration::from_secs(seconds));
            // What ends the process says nothing: the input that was tried last stands in a file.
            let name = std::thread::current().name().unwrap_or("fuzz").replace("::", "-");
            let last = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            for seed in (0..).take_while(|_| start.elapsed() < most) {
                std::fs::write(&last, format!("{SEED}={seed}\n")).unwrap();
                tried(seed);
            }
        }
    }
}

/// The input of a seed.
fn input(seed: u64, good: &[&str], pieces: &[&str]) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut input = random.choice(good).copied().unwrap_or_default().as_bytes().to_vec();
    for _ in 0..random.usize(1..8) {
        change(&mut input, &mut random, good, pieces);
        input.truncate(LONGEST);
    }
    input
}

fn change(input: &mut Vec<u8>, random: &mut fastrand::Rng, good: &[&str], pieces: &[&str]) {
    let at = random.usize(..=input.len());
    let end = (at + random.usize(..20)).min(input.len());
    match random.u8(..8) {
        0 => drop(input.drain(at..end)),
        1 => input.truncate(at),
        2 => input.insert(at, random.u8(..)),
        3 if at < input.len() => input[at] ^= 1 << random.u8(..8),
        4 => {
            let again = input[at..end].repeat(random.usize(1..50));
            drop(input.splice(at..at, again));
        }
        5 => {
            let other = random.choice(good).copied().unwrap_or_default().as_bytes();
            let from = random.usize(..=other.len());
            drop(input.splice(at..end, other[from..].iter().copied()));
        }
        _ => {
            let piece = random.choice(pieces).copied().unwrap_or_default();
            drop(input.splice(at..end, piece.bytes().collect::<Vec<u8>>()));
        }
    }
}
