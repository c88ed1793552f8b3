//! The archive of a source thinned out: what of each segment goes is planned first, then carried out so that a crash at
//! any point loses nothing.
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::RetentionError;
use crate::archive::{self, SEGMENT, Segment};
use crate::crash;
use crate::state::words::Archived;
use crate::state::{Moves, Naming, Reader, State};

/// What goes of a source's archive, and what stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Thinning {
    /// The source.
    pub source: String,
    /// Records that go.
    pub records: u64,
    /// Bytes that are freed.
    pub bytes: u64,
    /// Records that stay.
    pub kept_records: u64,
    /// Bytes that stay.
    pub kept_bytes: u64,
    /// Segments that go whole.
    pub deleted: u64,
    /// Segments that are copied without what goes.
    pub rewritten: u64,
    /// Segments that are left as they are, because they are not what the journal says; `verify` tells more.
    pub faults: Vec<String>,
    #[serde(skip)]
    planned: Vec<Planned>,
    #[serde(skip)]
    unnamed: Vec<Segment>,
}

/// A segment that changes.
#[derive(Clone, Debug)]
struct Planned {
    name: String,
    /// Records that stay: offset and length.
    kept: Vec<(u64, u64)>,
    /// Records that go: their offsets.
    gone: Vec<u64>,
    /// Page rows that name something in it.
    rows: Vec<u64>,
}

/// What the journal says of a segment.
#[derive(Default)]
struct Named {
    /// By offset: length, and whether it is needed.
    records: BTreeMap<u64, (u64, bool)>,
    rows: Vec<u64>,
}

impl Named {
    fn add(&mut self, at: &Archived, naming: &Naming) {
        let record = self.records.entry(at.offset).or_insert((at.length, false));
        record.1 |= naming.needed;
        if self.rows.last() != Some(&naming.version) {
            self.rows.push(naming.version);
        }
    }

    fn bytes(&self) -> u64 {
        self.records.values().filter(|(_, needed)| *needed).map(|(length, _)| length).sum()
    }

    /// The byte behind its last record.
    fn end(&self) -> u64 {
        self.records.iter().map(|(offset, (length, _))| offset + length).max().unwrap_or(0)
    }
}

impl Thinning {
    /// Plans it: changes nothing. What was received within `keep` before `now` stays in any case.
    pub fn plan(
        reader: &Reader,
        root: &Path,
        source: &str,
        keep: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Self, RetentionError> {
        let young = now.checked_sub_signed(keep).unwrap_or(DateTime::UNIX_EPOCH);
        let mut named: HashMap<String, Named> = HashMap::new();
        reader.each_archived(source, young, &mut |naming| {
            for at in &naming.archived {
                named.entry(at.segment.clone()).or_default().add(at, &naming);
            }
        })?;
        let mut thinning = Thinning { source: source.to_owned(), ..Thinning::default() };
        let mut unnamed = Vec::new();
        let segments = archive::segments(root, source)?;
        let newest = segments.last().map(|segment| segment.number);
        for segment in segments {
            match named.remove(&segment.name) {
                Some(named) => thinning.segment(&segment, named, segment.modified < young),
                None => unnamed.push(segment),
            }
        }
        // The newest stays unless there will be a newer one: its number is not given again.
        let goes = |segment: &Segment| Some(segment.number) != newest || thinning.rewritten > 0;
        let (unnamed, last): (Vec<_>, Vec<_>) = unnamed.into_iter().partition(goes);
        thinning.kept_bytes += bytes(&last);
        thinning.deleted += unnamed.len() as u64;
        thinning.bytes += bytes(&unnamed);
        thinning.unnamed = unnamed;
        let mut missing: Vec<(String, Named)> = named.into_iter().collect();
        missing.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, named) in missing {
            thinning.missing(name, named);
        }
        Ok(thinning)
    }

    /// A segment that the journal names. Bytes between its records were never committed: they go with the rest, and when
    /// all that the segment holds is `old`.
    fn segment(&mut self, segment: &Segment, named: Named, old: bool) {
        if named.end() > segment.bytes {
            self.faults.push(format!("{} is shorter than what the journal names in it", segment.name));
            self.kept_bytes += segment.bytes;
            return;
        }
        let kept_bytes = named.bytes();
        let records = named.records.len() as u64;
        let planned = Planned::new(segment.name.clone(), named);
        let kept = planned.kept.len() as u64;
        self.kept_records += kept;
        if planned.gone.is_empty() && !(old && kept_bytes < segment.bytes) {
            self.kept_bytes += segment.bytes;
            return;
        }
        self.records += records - kept;
        self.bytes += segment.bytes - kept_bytes;
        self.kept_bytes += kept_bytes;
        self.deleted += u64::from(kept == 0);
        self.rewritten += u64::from(kept > 0);
        self.planned.push(planned);
    }

    /// A segment that is named and not there: what may go of it is forgotten, what is needed is told.
    fn missing(&mut self, name: String, named: Named) {
        let planned = Planned::new(name, named);
        match planned.kept.len() {
            0 => {
                self.records += planned.gone.len() as u64;
                self.planned.push(planned);
            }
            kept => self.faults.push(format!("{} is missing, with {kept} records that are needed", planned.name)),
        }
    }

    /// Segments that are carried out together: as much as one new segment holds.
    fn batches(&mut self) -> Vec<Vec<Planned>> {
        let mut batches: Vec<Vec<Planned>> = Vec::new();
        let mut bytes = 0;
        for planned in std::mem::take(&mut self.planned) {
            let own = planned.kept.iter().map(|(_, length)| length).sum::<u64>();
            match batches.last_mut() {
                Some(batch) if bytes + own <= SEGMENT => {
                    bytes += own;
                    batch.push(planned);
                }
                _ => {
                    bytes = own;
                    batches.push(vec![planned]);
                }
            }
        }
        batches
    }
}

fn bytes(segments: &[Segment]) -> u64 {
    segments.iter().map(|segment| segment.bytes).sum()
}

impl Planned {
    fn new(name: String, named: Named) -> Self {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for (offset, (length, needed)) in named.records {
            match needed {
                true => kept.push((offset, length)),
                false => gone.push(offset),
            }
        }
        Planned { name, kept, gone, rows: named.rows }
    }
}

/// Carries a plan out. What stays of old segments is copied into a new one and is on the disk before one transaction
/// gives the page rows their new places; the old segments go last. The caller holds the segments, and the state keeps
/// runs out.
pub async fn thin(state: &State, root: &Path, mut thinning: Thinning) -> Result<(), RetentionError> {
    for batch in thinning.batches() {
        let (name, records) = copied(root, &thinning.source, &batch).await?;
        if name.is_some() {
            crash::point("rewritten");
        }
        let mut rows: Vec<u64> = batch.iter().flat_map(|planned| planned.rows.iter().copied()).collect();
        rows.sort_unstable();
        rows.dedup();
        state.moved(&thinning.source, rows, moves(&batch, name, &records)).await?;
        crash::point("forgotten");
        for planned in &batch {
            archive::delete(root, &planned.name)?;
        }
    }
    for segment in &thinning.unnamed {
        archive::delete(root, &segment.name)?;
    }
    let folder = root.join(&thinning.source);
    if folder.is_dir() {
        archive::sync_folder(&folder)?;
    }
    // What no page can bring back any more need not be remembered.
    Ok(state.forget_deleted(&thinning.source).await?)
}

type Records = Vec<(String, u64, u64)>;

/// What stays of these segments in a new one: its name, when there is something, and the records in their order.
async fn copied(root: &Path, source: &str, batch: &[Planned]) -> Result<(Option<String>, Records), RetentionError> {
    let kept = |planned: &Planned| {
        let name = planned.name.clone();
        planned.kept.clone().into_iter().map(move |(offset, length)| (name.clone(), offset, length))
    };
    let records: Records = batch.iter().flat_map(kept).collect();
    if records.is_empty() {
        return Ok((None, records));
    }
    let newest = archive::segments(root, source)?.last().map_or(0, |segment| segment.number + 1);
    let (root, source) = (root.to_owned(), source.to_owned());
    let copied = tokio::task::spawn_blocking(move || {
        archive::rewrite(&root, &source, newest, &records).map(|name| (Some(name), records))
    });
    Ok(copied.await.map_err(|error| RetentionError::Lost(error.to_string()))??)
}

fn moves(batch: &[Planned], name: Option<String>, records: &Records) -> Moves {
    let mut moves: Moves = HashMap::new();
    for planned in batch {
        let gone = planned.gone.iter().map(|offset| (*offset, None));
        moves.entry(planned.name.clone()).or_default().extend(gone);
    }
    let mut at = 0;
    for (segment, offset, length) in records {
        let place = name.clone().map(|name| (name, at));
        moves.entry(segment.clone()).or_default().insert(*offset, place);
        at += length;
    }
    moves
}
