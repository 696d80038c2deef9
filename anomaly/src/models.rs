//! What is learnt from history: an isolation forest, tail probabilities, their calibration, and clusters.

mod artefact;
mod calibration;
mod clusters;
mod forest;
mod tails;
mod trained;

pub use artefact::{Artefact, ArtefactError, Folder, Kept};
pub use calibration::Calibration;
pub use clusters::{Cluster, Clusters};
pub use forest::Forest;
pub use tails::Tails;
pub use trained::{Assessment, Evidence, Model, TrainError, Training};
