//! Places: a query by distance, and the tiles of a grid, both from the two columns of a point.
use std::collections::HashMap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};
use tantivy_common::BitSet;

use super::fields::column;
use crate::search::{Point, distance, tile};

/// Offers within so many kilometres of a point.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub field: String,
    pub center: Point,
    pub radius: f64,
}

/// The two columns of a point.
struct Columns {
    lat: Column<f64>,
    lon: Column<f64>,
}

impl Columns {
    fn of(field: &str, reader: &SegmentReader) -> tantivy::Result<Self> {
        let name = column(field);
        let fast = reader.fast_fields();
        Ok(Columns { lat: fast.f64(&format!("{name}__lat"))?, lon: fast.f64(&format!("{name}__lon"))? })
    }

    fn point(&self, doc: DocId) -> Option<Point> {
        Some(Point { lat: self.lat.first(doc)?, lon: self.lon.first(doc)? })
    }
}

impl Query for Near {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Near {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let columns = Columns::of(&self.field, reader)?;
        let mut found = BitSet::with_max_value(reader.max_doc());
        // A degree of latitude is 111.2 km: most points are out by one comparison.
        let degrees = self.radius / 111.0;
        for doc in 0..reader.max_doc() {
            let Some(point) = columns.point(doc) else { continue };
            if (point.lat - self.center.lat).abs() <= degrees && distance(self.center, point) <= self.radius {
                found.insert(doc);
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, _: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument(format!("document {doc} is not explained")))
    }
}

/// Counts offers by the tile that they lie in.
pub(super) struct Tiles {
    pub field: String,
    pub zoom: u32,
}

pub(super) struct SegmentTiles {
    columns: Columns,
    zoom: u32,
    counted: HashMap<(u32, u32), u64>,
}

impl Collector for Tiles {
    type Fruit = HashMap<(u32, u32), u64>;
    type Child = SegmentTiles;

    fn for_segment(&self, _: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentTiles> {
        Ok(SegmentTiles { columns: Columns::of(&self.field, reader)?, zoom: self.zoom, counted: HashMap::new() })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<Self::Fruit>) -> tantivy::Result<Self::Fruit> {
        let mut all = HashMap::new();
        for (at, count) in fruits.into_iter().flatten() {
            *all.entry(at).or_default() += count;
        }
        Ok(all)
    }
}

impl SegmentCollector for SegmentTiles {
    type Fruit = HashMap<(u32, u32), u64>;

    fn collect(&mut self, doc: DocId, _: Score) {
        if let Some(point) = self.columns.point(doc) {
            *self.counted.entry(tile(point, self.zoom)).or_default() += 1;
        }
    }

    fn harvest(self) -> Self::Fruit {
        self.counted
    }
}
