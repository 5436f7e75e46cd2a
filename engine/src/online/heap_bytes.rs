//! What plans take in memory, so that kept ones can be bounded: what their parts have asked the allocator for, by the capacity of each.
//!
//! What all plans of a state of the registry share is not counted: functions, the tables of the store.

use std::collections::BTreeMap;

use feast_model::{FeatureSelection, Field, ValueType};

use super::binding::{Binding, BoundView};
use super::computed::{PlannedComputation, PlannedInput, PlannedOutput};
use super::plan::{JoinKey, ReadObject, ReadPlan};
use super::planned_view::{KeyGroup, PlannedFeature, PlannedKey, PlannedView};

/// Before each allocation, and what it is rounded up to.
const ALLOCATION_HEAD: usize = 8;
const ALLOCATION_STEP: usize = 16;
/// Entries that a node of a map has room for, and how many it has as a rule.
const NODE_ENTRIES: usize = 11;
const USUAL_NODE_ENTRIES: usize = 7;

/// What an allocation of so many bytes takes.
pub(crate) fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        _ => (bytes + ALLOCATION_HEAD).next_multiple_of(ALLOCATION_STEP),
    }
}

/// What a value has on the heap, beside itself.
pub(crate) trait HeapBytes {
    fn heap_bytes(&self) -> usize;
}

impl HeapBytes for String {
    fn heap_bytes(&self) -> usize {
        allocated(self.capacity())
    }
}

impl<T: HeapBytes> HeapBytes for Vec<T> {
    fn heap_bytes(&self) -> usize {
        allocated(self.capacity() * size_of::<T>()) + self.iter().map(T::heap_bytes).sum::<usize>()
    }
}

impl<T: HeapBytes> HeapBytes for Option<T> {
    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, T::heap_bytes)
    }
}

impl<K: HeapBytes, V: HeapBytes> HeapBytes for BTreeMap<K, V> {
    fn heap_bytes(&self) -> usize {
        let nodes = self.len().div_ceil(USUAL_NODE_ENTRIES);
        let inside = |(key, value): (&K, &V)| key.heap_bytes() + value.heap_bytes();
        nodes * allocated(NODE_ENTRIES * size_of::<(K, V)>()) + self.iter().map(inside).sum::<usize>()
    }
}

impl HeapBytes for u32 {
    fn heap_bytes(&self) -> usize {
        0
    }
}

impl HeapBytes for (u32, String) {
    fn heap_bytes(&self) -> usize {
        self.1.heap_bytes()
    }
}

impl HeapBytes for ValueType {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Struct(fields) => {
                let inside = fields
                    .iter()
                    .map(|field| field.name.heap_bytes() + field.value_type.heap_bytes());
                allocated(size_of_val(&fields[..])) + inside.sum::<usize>()
            }
            Self::Array(element) | Self::Set(element) => allocated(size_of::<Self>()) + element.heap_bytes(),
            _ => 0,
        }
    }
}

impl HeapBytes for Field {
    fn heap_bytes(&self) -> usize {
        let text = self.name.heap_bytes() + self.description.heap_bytes() + self.vector_search_metric.heap_bytes();
        text + self.value_type.heap_bytes() + self.tags.heap_bytes()
    }
}

impl HeapBytes for FeatureSelection {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Service(name) => name.heap_bytes(),
            Self::Features(references) => references.heap_bytes(),
        }
    }
}

impl HeapBytes for ReadPlan {
    fn heap_bytes(&self) -> usize {
        let binding = self.binding.load();
        let binding = binding.as_ref().map(|binding| {
            // It is counted by those who use it.
            allocated(size_of::<Binding>() + 2 * size_of::<usize>()) + binding.heap_bytes()
        });
        self.views.heap_bytes()
            + self.groups.heap_bytes()
            + self.computations.heap_bytes()
            + self.request_data.heap_bytes()
            + self.request_keys.heap_bytes()
            + self.service().map_or(0, |service| allocated(service.len()))
            + self.objects.heap_bytes()
            + self.log().and_then(Result::ok).map_or(0, |log| log.heap_bytes())
            + binding.unwrap_or_default()
    }
}

impl HeapBytes for ReadObject {
    fn heap_bytes(&self) -> usize {
        self.name.heap_bytes()
    }
}

impl HeapBytes for JoinKey {
    fn heap_bytes(&self) -> usize {
        self.name.heap_bytes() + self.value_type.heap_bytes()
    }
}

impl HeapBytes for PlannedView {
    fn heap_bytes(&self) -> usize {
        self.view.heap_bytes() + self.shown_name.heap_bytes() + self.features.heap_bytes()
    }
}

impl HeapBytes for PlannedFeature {
    fn heap_bytes(&self) -> usize {
        self.response_name.heap_bytes()
            + self.name.heap_bytes()
            + self.value_type.heap_bytes()
            + self.storage_type.heap_bytes()
    }
}

impl HeapBytes for KeyGroup {
    fn heap_bytes(&self) -> usize {
        self.keys.heap_bytes() + self.encoder.heap_bytes()
    }
}

impl HeapBytes for PlannedKey {
    fn heap_bytes(&self) -> usize {
        self.request_key.heap_bytes() + self.join_key.heap_bytes() + self.value_type.heap_bytes()
    }
}

impl HeapBytes for PlannedComputation {
    fn heap_bytes(&self) -> usize {
        self.view.heap_bytes()
            + self.mode.heap_bytes()
            + self.shown_name.heap_bytes()
            + self.inputs.heap_bytes()
            + self.request_data.heap_bytes()
            + self.outputs.heap_bytes()
    }
}

impl HeapBytes for PlannedInput {
    fn heap_bytes(&self) -> usize {
        self.name.heap_bytes() + self.full_name.heap_bytes() + self.value_type.heap_bytes()
    }
}

impl HeapBytes for PlannedOutput {
    fn heap_bytes(&self) -> usize {
        self.name.heap_bytes() + self.response_name.heap_bytes() + self.value_type.heap_bytes()
    }
}

impl HeapBytes for Binding {
    fn heap_bytes(&self) -> usize {
        self.group_tables.heap_bytes() + self.features.heap_bytes() + self.views.heap_bytes()
    }
}

impl HeapBytes for BoundView {
    fn heap_bytes(&self) -> usize {
        let arrays = self.arrays.iter().map(|array| array.heap_bytes());
        allocated(size_of_val(&self.arrays[..])) + arrays.sum::<usize>() + allocated(size_of_val(&self.columns[..]))
    }
}
