//! What is learnt from history: five scorers as one ensemble, its calibration, and clusters. The scorers work on plain
//! matrices of features.

mod artefact;
mod broken;
mod calibration;
mod cholesky;
mod clusters;
mod copod;
mod drift;
mod ecdf;
mod ecod;
mod ensemble;
mod forest;
mod ledger;
mod mahalanobis;
mod neighbours;
mod tails;
mod trained;

pub use artefact::{Artefact, ArtefactError, Folder, Kept};
pub use calibration::Calibration;
pub use clusters::{Cluster, Clusters};
pub use copod::Copod;
pub use drift::{DRIFT_SESSIONS_MIN, Drift};
pub use ecod::Ecod;
pub use ensemble::{Column, Ensemble, Growth, SCORERS};
pub use forest::Forest;
pub use ledger::{Active, Verdict};
pub use mahalanobis::Mahalanobis;
pub use neighbours::Neighbours;
pub use tails::Tails;
pub use trained::{Assessment, Evidence, Model, TrainError, Training};
