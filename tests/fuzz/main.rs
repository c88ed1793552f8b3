//! Whatever comes, nothing panics: files of definitions, `.env`, schedules, addresses, answers. A few seeded inputs for each
//! in every run; `JOBMARKET_FUZZ_SECONDS=1800` tries for so long, `JOBMARKET_FUZZ_SEED=N` one input again.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod answers;
mod files;
mod mutate;
mod secrets;
