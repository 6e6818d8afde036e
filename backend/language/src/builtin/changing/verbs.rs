//! The verbs of changes, a class a list: between the words of a class there is no difference that matters. They are read by
//! [`Parser::verb`], so that most of them stay free for names.

use crate::builtin::Parser;
use crate::builtin::wordings::{Wordings, words};

/// “set”
pub const SET: &Wordings = words!(
    "setting|changing|set|use|change|adjust|update|modify|configure|reconfigure|alter|edit|switch|resize|rescale|size|make|let|have|put|scale|fix|tune|turn|convert"
);

/// “raise”
pub const MORE: &Wordings = words!(
    "increasing|raising|growing|extending|expanding|enlarging|increase|raise|grow|extend|expand|enlarge|bump up|bump|boost|upgrade|upsize|scale up|size up|beef up|crank up|pump up|ramp up|\
    jack up|step up|push up|blow up|lift|stretch|widen|hike up|hike|up"
);

/// “reduce”
pub const LESS: &Wordings = words!(
    "reducing|lowering|decreasing|reduce|decrease|lower|shrink|cut down|cut back|cut|scale down|scale back|downsize|downscale|downgrade|drop|trim down|trim back|trim|\
    slim down|slim|dial down|dial back|pare down|step down|squeeze|shave"
);

/// Verbs that say by “up”, “down” or the amount behind the guest what becomes of it: “crank web-01 up to 8 cores”.
pub const SHIFT: &Wordings = words!(
    "take|drop|bring|cut|trim|get|lift|push|move|shift|crank|pump|ramp|jack|step|dial|slim|knock|beef|kick|squeeze|pare|put|return|reset|throttle|nudge"
);

/// “give”
pub const GIVE: &Wordings =
    words!("give|giving|assigning|assign|grant|allocate|allow|hand over|hand|lend|allot|dedicate|get|pass|slip");

/// “provide … with”
pub const PROVIDE: &Wordings = words!("provide|equip|supply|fit out|fit|kit out|outfit|furnish|endow");

/// “add”
pub const ADD: &Wordings = words!(
    "adding|attaching|add|attach|mount|tack|throw|slap|stick|bolt|hang|pop|chuck|hook up|hook|plug|append|insert|install"
);

/// Verbs by which a part comes into a guest where one stands behind them.
pub const PUT: &Wordings = words!("put|create|provision|set up|make|build");

/// “take away”
pub const REMOVE: &Wordings =
    words!("remove|give back|take|shave|knock|trim|drop|cut|chop|strip|pull|rip|yank|withdraw|subtract|deduct|slash");

/// Words by which somebody hopes for what stands behind their “if”.
pub const HOPING: &Wordings = words!(
    "i would be happy if|we would be happy if|i'd be happy if|we'd be happy if|i would be glad if|we would be glad if|i'd be glad if|we'd be glad if|\
    i would be grateful if|we would be grateful if|i'd be grateful if|we'd be grateful if|i'd appreciate it if|we'd appreciate it if|\
    i would appreciate it if|we would appreciate it if"
);

/// What has been raised.
pub const RAISED: &Wordings = words!(
    "raised|increased|extended|expanded|enlarged|bumped up|bumped|upgraded|upsized|boosted|lifted|grown|scaled up|upped|stretched"
);

/// What has been reduced.
pub const LOWERED: &Wordings = words!(
    "reduced|lowered|decreased|cut down|cut back|cut|shrunk|scaled down|scaled back|downsized|downgraded|trimmed|dropped|slimmed down"
);

/// What has been set.
pub const CHANGED: &Wordings =
    words!("set|changed|resized|rescaled|scaled|sized|adjusted|updated|modified|brought|switched|moved|put");

/// “should”
pub const MODAL: &Wordings = words!(
    "could use|can use|could do with|should|shall|must|will|would|is going to|are going to|needs to|need to|has to|have to|is to|are to|\
    ought to|is supposed to|are supposed to|is meant to|are meant to|wants to|want to"
);

/// Where the words behind a verb lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// “to 8 GB”
    To,
    /// “by 2 GB”, “up by 2 GB”
    More,
    /// “down by 2 GB”
    Less,
}

/// What a verb says of the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leads {
    Up,
    Down,
    Anywhere,
}

impl Parser<'_> {
    /// “up to”, “back down to”, “by”: in the direction that the verb says.
    pub fn course(&mut self, leads: Leads) -> Option<Course> {
        self.attempt(|p| {
            let back = p.any(words!("back"));
            let up = p.any(words!("up"));
            let down = !up && p.any(words!("down"));
            if leads == Leads::Up && (down || back) || leads == Leads::Down && up {
                return None;
            }
            if p.any(words!("to")) {
                return Some(Course::To);
            }
            p.any(words!("by")).then_some(())?;
            match (leads, up, down) {
                (Leads::Down, ..) | (Leads::Anywhere, _, true) => Some(Course::Less),
                (Leads::Up, ..) | (Leads::Anywhere, true, _) => Some(Course::More),
                (Leads::Anywhere, false, false) => None,
            }
        })
    }

    /// “raised”, “cut”, “set”: what has been done to a field.
    pub fn moved(&mut self) -> Option<Leads> {
        if self.verb(RAISED) {
            return Some(Leads::Up);
        }
        if self.verb(LOWERED) {
            return Some(Leads::Down);
        }
        self.verb(CHANGED).then_some(Leads::Anywhere)
    }

    /// “should go”, “has to sit”, “gets”: that what stands behind is, or becomes, so of what stands before.
    pub fn predicate(&mut self) -> bool {
        let modal = |p: &mut Self| {
            p.any(MODAL).then_some(())?;
            p.any(words!("now|also|all|both|please"));
            p.verb(words!(
                "be moved over|be moved|be put|be connected|be set|be switched|be|go over|go|get|have|use|do|move over|move|sit|live|run|reside|\
                 switch over|switch|become|belong|land|carry"
            ))
            .then_some(())
        };
        self.attempt(modal).is_some()
            || self.verb(words!(
                "gets moved|gets|get|goes over|goes|go|moves over|moves|move|needs|need|has|have|is|are|uses|use|belongs|belong|sits|lives|\
                 becomes|switches|->|→|=>"
            ))
    }

    /// “from the backups”, “in backup”: where disks are, or are not.
    pub fn backups(&mut self) -> bool {
        self.any(words!("the"));
        self.any(words!("backups|backup"))
    }
}
