//! The words that the grammar knows. A word that stands here is never taken for a name
//! unless it is in quotation marks; a word that does not stand here is never dropped.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use crate::quantity;

/// What a known word does in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Carries no meaning of its own wherever it stands.
    Filler,
    /// Has its place in the grammar.
    Grammar,
    /// Says what shall not be, or what is excepted.
    Negation,
    /// Makes it depend on something.
    Condition,
    /// Says when.
    Schedule,
    /// Leaves a choice open.
    Choice,
    /// Asks for something that MycoPod does not do.
    Outside,
}

const CLASSES: [(Class, &str); 7] = [
    (Class::Filler, "a an the and with please also thanks thank you kindly hi hello hey thx cheers & well as"),
    (
        Class::Grammar,
        "i we me us my our your would like want need needs can could let lets let's i'd we'd i'll you'll i'm will shall should must have has having had \
         get gets getting be is are am been being it its it's them their they they're there this that these those which who \
         all both each every everything everyone one's 's any same other another extra additional further more less fewer second first third fourth \
         2nd 1st 3rd 4th new of on for in at to into onto from by via through thru up down off out as so do does \
         create make build provision deploy set setup add spin launch start starts starting started boot boots booted booting power powered \
         turn turned switch switched stop stops stopped shut shutdown halt kill force forced forcefully hard pull plug reboot reboots restart restarts \
         restarted delete deleted destroy remove removed rid tear snapshot snapshots clone clones copy copies duplicate linked full adopt manage take \
         over raise increase grow extend expand enlarge bump boost upgrade scale resize reduce decrease lower shrink cut double triple quadruple \
         halve half twice times change adjust update modify configure put give gives given assign grant allocate attach connect plug move name names \
         named call called rename renamed label tag tags tagged untag protect protected unprotect protection enable enabled disable disabled activate \
         deactivate use uses using run runs running stays stay leave ensure sure \
         vm vms machine machines virtual container containers ct cts lxc qemu kvm guest guests server servers box boxes instance instances host hosts \
         node nodes core cores cpu cpus vcpu vcpus vcores vcore processor processors socket sockets type model count number amount size memory ram mem swap \
         disk disks drive drives volume volumes hdd storage datastore space root rootfs system data primary main os bridge bridges network networks \
         net nic nics interface interfaces card vlan vlans ip ips address addresses ipv4 static dhcp gateway vdisk vdisks vhdd hdds gw default template templates image images iso \
         based onboot autostart auto-start automatically startup hostname description notes note comment described unprivileged privileged \
         now immediately right away directly true yes no false none management mycopod control c x plus total altogether \
         below additionally firstly afterwards again against anything attached auto autostarted autostarting become becomes bring cards carry carrying cleanly cloud come complete \
         completely connected couple created creating creation declare deletion done downsize filesystem finally fire force-stop forcibly fs fully go goes gracefully \
         hard-stop his hosted id identical including leaves linux located lts lxcs made may next ought pair permanently placed plugged properly proxmox reading \
         saying says secondary similar sized stored straight then time too under v value vmid wants way yet - + big large along stand moved moves comes quick details prevent checklist become booting target swap exchange ditto likewise respectively shave knock trim tack ought wanted initiate team all everybody \
         per former latter kind offline needed used exactly just identical modelled modeled hardware specs spec specifications specification configuration config setting settings setup sizing resources values above ctid previous -> → => w/ someone somebody dear colleagues regards wishes kind many very lot advance todo tasks feel free ahead asap currently \
         active inactive halted powered-on powered-off begin begins names whose starting apart belonging longer more anymore limited throttle loses lose drops \
         was previously cold away cycle power-cycle us half who are single much following follows look looks rebooted destroyed throw require \
         secret empty point mounted order slaac dhcpv6 insert exclude excluded included include unset clear latest last recent live online \
         live-migrate pause unpause continue turned backed seconds secs sec timeout time-out deadline limit within unused keeping adapter \
         device devices disc load reconnect replug disconnect relocate transfer suspended paused resumed cable inside under mode migrated than followed kept taken read features feature points together job jobs file files checksum md5 sha1 sha224 sha256 sha384 sha512 \
         appreciate possible required looking fine given granted bumped upgraded resized changed raised increased lowered reduced extended expanded scaled lift going \
         fetch retain regular there weekday weekdays a.m p.m \
         % percent cent +more request requests requested requesting changes okay ok um uh yo folks guys great nice \
         applies supposed meant extension expansion ticket issue case rise far see ask carries larger write enter rebooting restarting current minus moment similarly thing task point wish increases push upsize upsizing resizing scaling small little things points wishes items action comes quarter top joins grows rises scales shrinks steps regarding concerning doubled tripled quadrupled halved just simply urgent urgently promptly forget remember think believe fyi information \
         replace belongs belong live go going love i'm we're you're greetings sincerely resource latter \
         mind whom concern hiya making ready takes living lives ones sizes we'll warm say save duplicates prepare spawn instantiate \
         graceful clean proper removal requires converted recurring power-off power-on contain place member \
         standing bringing deploying building setting needing grateful cap capped operating \
         common defaults shared boss customer colleague department developers devs operation field property attribute parameter bounce bounced wake grab ids vmids activated deactivated shift unhook title titled vzdump one-off manual exact \
         parameters requirements properties creation deployment provisioning blueprint basis \
         detached dropped unplugged ejected disconnected added scrap trash dispose send sleep standby suspension router",
    ),
    (
        Class::Negation,
        "not never keep without except excepting excluding besides don't dont doesn't doesnt shouldn't mustn't won't can't cannot isn't aren't didn't \
         wasn't neither nor avoid refrain nothing nobody no-one hardly",
    ),
    (
        Class::Condition,
        "if unless when whenever while until till once after before provided otherwise else because since depending should've wherever \
         assuming suppose whether",
    ),
    (
        Class::Schedule,
        "tomorrow tonight today yesterday daily nightly weekly hourly monthly yearly night nights day days hour hours minute minutes minutely week weeks \
         weekend weekends month months year midnight noon morning evening afternoon monday tuesday wednesday thursday friday saturday sunday \
         mondays tuesdays wednesdays thursdays fridays saturdays sundays am pm o'clock later cron schedule scheduled periodically regularly \
         always soon",
    ),
    (
        Class::Choice,
        "or either maybe perhaps possibly instead rather but however probably about around approximately roughly least most max maximum minimum min \
         some few several many lots only almost nearly tbd tba tbc undecided",
    ),
    (
        Class::Outside,
        "install reinstall uninstall execute exec ssh download upload configure deploy backup backups back restore rollback roll revert migrate migration \
         evacuate replicate replication mount unmount format encrypt patch upgrade apt yum \
         firewall cluster ping notify send open close allow deny block forward log login password user users ssd gpu usb \
         passthrough pass pci pool pools suspend hibernate resume reset wipe erase purge nuke drop show list tell describe explain print display what why \
         how where who's whose better faster bigger smaller cheaper old oldest newest best good fix optimize optimise improve script command commands \
         permit accept reject refuse forbid port ports incoming outgoing inbound outbound ingress egress input output traffic connections \
         connection packets access requests policy rule rules ipset alias security group containing holding towards leaving revoke undo \
         tcp udp icmp internet everywhere anywhere allowing allows apply blocking blocks \
         package packages software service services join convert detach unplug eject revert lock unlock console vnc quickly fast",
    ),
];

static WORDS: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for (class, list) in CLASSES {
        for word in list.split_whitespace() {
            words.entry(word).or_insert(class);
        }
    }
    words
});

/// Every word that the grammar knows.
#[cfg(test)]
pub fn all() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().flat_map(|(_, list)| list.split_whitespace())
}

/// What `word`, in lower case, does in a sentence; `None` for names and all the words nobody foresaw.
pub fn class(word: &str) -> Option<Class> {
    WORDS.get(word).copied().or_else(|| {
        let number = quantity::number_word(word).is_some() || quantity::unit(word).is_some();
        number.then_some(Class::Grammar)
    })
}

/// Whether `word` turns the meaning of its sentence round where no rule understands it.
pub fn turns(word: &str) -> bool {
    matches!(class(word), Some(Class::Negation | Class::Condition | Class::Schedule | Class::Choice))
}

/// Keywords in which a slip of the fingers is mended. Verbs that stop or delete are not among them: who
/// misspells one of those is asked.
const MENDED: &str = "additional address allocate another assign attach automatically autostart backup bridge called clone core cores container containers \
    create decrease description disk disks double enable disable expand extend gateway gigabyte gigabytes hostname increase machine machines megabyte megabytes memory \
    migrate named network please processor processors protect protected protection provision reboot reduce rename restart resize rootfs \
    running snapshot snapshots sockets start started storage system tagged template the triple ubuntu unprivileged upgrade virtual vlan";

/// Keywords that lie too close to other words, in which only two letters that changed places are mended.
const SWAPPED: [&str; 29] = [
    "with", "halve", "twice", "build", "name", "lxc", "turn", "switch", "change", "update", "modify", "adjust", "move",
    "give", "gets", "raise", "make", "take", "have", "node", "vcpus", "each", "pool", "note", "server", "servers",
    "need", "bump", "tag",
];

/// From this length on one slip in a keyword is mended, from [`TWO_SLIPS`] two. In a shorter one only two letters that
/// changed places are: such words lie too close together.
const ONE_SLIP: usize = 6;
const TWO_SLIPS: usize = 9;

/// The keyword that `word` is a misspelling of. Names keep their digits and hyphens, so a word with one is no slip.
pub fn mend(word: &str) -> Option<&'static str> {
    let length = word.len();
    if length < 3 || !word.bytes().all(|b| b.is_ascii_lowercase()) || class(word).is_some() || is_system(word) {
        return None;
    }
    SWAPPED
        .into_iter()
        .find(|keyword| {
            keyword.as_bytes()[0] == word.as_bytes()[0] && (are_swapped(keyword, word) || is_doubled(keyword, word))
        })
        .or_else(|| {
            MENDED.split_whitespace().find(|keyword| {
                let slips = if keyword.len() < TWO_SLIPS || length < TWO_SLIPS { 1 } else { 2 };
                keyword.as_bytes()[0] == word.as_bytes()[0]
                    && keyword.len().abs_diff(length) <= slips
                    && match keyword.len() {
                        ..ONE_SLIP => are_swapped(keyword, word) || is_doubled(keyword, word),
                        _ => strsim::osa_distance(keyword, word) <= slips,
                    }
            })
        })
}

/// What is counted behind a number, and what has a size: there a letter that is missing or changed places is mended in
/// them too. “rma” might be anything.
const COUNTED: [&str; 6] = ["core", "cores", "cpu", "cpus", "vcpu", "vcpus"];
const SIZED: [&str; 6] = ["memory", "disk", "disks", "drive", "swap", "rootfs"];

/// The noun that `word` is a misspelling of behind a number, or behind a size.
pub fn mend_noun(word: &str, sized: bool) -> Option<&'static str> {
    let nouns: &[&'static str] = if sized { &SIZED } else { &COUNTED };
    let strange = word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()) && class(word).is_none();
    let missing = |noun: &str| noun.len() == word.len() + 1 && strsim::osa_distance(noun, word) == 1;
    nouns.iter().copied().find(|noun| strange && (missing(noun) || are_swapped(noun, word)))
}

/// Whether `word` is `keyword` with one of its letters typed twice.
fn is_doubled(keyword: &str, word: &str) -> bool {
    let twice = |at: &usize| word.as_bytes()[*at] == word.as_bytes()[at - 1];
    word.len() == keyword.len() + 1
        && (1..word.len()).filter(twice).any(|at| word[..at] == keyword[..at] && word[at + 1..] == keyword[at..])
}

/// Whether two words differ in two neighbouring letters that changed places.
fn are_swapped(one: &str, other: &str) -> bool {
    let differing: Vec<usize> =
        one.bytes().zip(other.bytes()).enumerate().filter(|(_, (a, b))| a != b).map(|(at, _)| at).collect();
    let swapped = |a: usize, b: usize| {
        b == a + 1 && one.as_bytes()[a] == other.as_bytes()[b] && one.as_bytes()[b] == other.as_bytes()[a]
    };
    one.len() == other.len() && matches!(differing.as_slice(), [a, b] if swapped(*a, *b))
}

/// Words as they are typed in a hurry, and rarer ones of one meaning, with the words they stand for.
const ALIASES: [(&str, &str); 52] = [
    ("gest", "guest"),
    ("ned", "need"),
    ("uptade", "update"),
    ("form", "from"),
    ("rezise", "resize"),
    ("incl", "including"),
    ("adn", "and"),
    ("nad", "and"),
    ("wiht", "with"),
    ("shoud", "should"),
    ("shuold", "should"),
    ("pls", "please"),
    ("plz", "please"),
    ("plse", "please"),
    ("thx", "thanks"),
    ("thnx", "thanks"),
    ("thanx", "thanks"),
    ("ty", "thanks"),
    ("tia", "thanks"),
    ("cheers", "thanks"),
    ("u", "you"),
    ("rams", "ram"),
    ("ramm", "ram"),
    ("shoudl", "should"),
    ("shold", "should"),
    ("nees", "needs"),
    ("neds", "needs"),
    ("sett", "set"),
    ("addd", "add"),
    ("teh", "the"),
    ("hte", "the"),
    ("immediatly", "immediately"),
    ("immediatley", "immediately"),
    ("snap", "snapshot"),
    ("per-cent", "percent"),
    ("gigz", "gigs"),
    ("uhm", "um"),
    ("@", "at"),
    ("receives", "gets"),
    ("receive", "get"),
    ("requires", "needs"),
    ("require", "need"),
    ("label", "tag"),
    ("labels", "tags"),
    ("labelled", "tagged"),
    ("labeled", "tagged"),
    ("ostemplate", "template"),
    ("duplicate", "clone"),
    ("duplicates", "clones"),
    ("duplicated", "cloned"),
    ("apiece", "each"),
    ("×", "x"),
];

/// The word that one typed in a hurry stands for.
pub fn alias(word: &str) -> Option<&'static str> {
    ALIASES.iter().find(|(short, _)| *short == word).map(|(_, word)| *word)
}

/// Whether `word` may be glued to the number before it: a unit, or a word for cores.
pub fn counts(word: &str) -> bool {
    quantity::unit(word).is_some()
        || [
            "%", "c", "core", "cores", "cpu", "cpus", "vcpu", "vcpus", "vcore", "vcores", "socket", "sockets", "go",
            "mo",
        ]
        .contains(&word)
}

/// Operating systems that guests are made from.
const SYSTEMS: [&str; 26] = [
    "alma",
    "almalinux",
    "alpine",
    "arch",
    "archlinux",
    "centos",
    "debian",
    "devuan",
    "fedora",
    "freebsd",
    "gentoo",
    "kali",
    "mint",
    "netbsd",
    "nixos",
    "openbsd",
    "opensuse",
    "openwrt",
    "oraclelinux",
    "rhel",
    "rocky",
    "rockylinux",
    "suse",
    "ubuntu",
    "void",
    "windows",
];

/// Whether `word` begins the name of an operating system: `debian`, or `debian-12` in one.
pub fn is_system(word: &str) -> bool {
    let stem = word.split('-').next().unwrap_or(word).trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    SYSTEMS.contains(&stem) && word[stem.len()..].chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
}

/// Names that releases go by beside their number.
pub fn is_release(word: &str) -> bool {
    ["bookworm", "bullseye", "trixie", "buster", "noble", "jammy", "focal", "edge", "stable", "lts"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::{CLASSES, Class, class, is_system, mend};

    #[test]
    fn slips_in_long_keywords_are_mended_and_names_are_not() {
        assert_eq!(mend("memmory"), Some("memory"));
        assert_eq!(mend("contianer"), Some("container"));
        for name in ["memo", "storage-1", "memory", "delte", "destory", "report", "steward", "brigade"] {
            assert_eq!(mend(name), None, "{name}");
        }
    }

    #[test]
    fn words_that_turn_a_meaning_round_are_never_fillers() {
        for word in ["not", "don't", "if", "unless", "or", "except", "without", "tomorrow", "only", "but"] {
            assert!(!matches!(class(word), None | Some(Class::Filler | Class::Grammar)), "{word}");
        }
        assert_eq!(CLASSES[0].0, Class::Filler);
    }

    #[test]
    fn systems_may_carry_their_version() {
        assert!(["debian", "debian-12", "debian12", "ubuntu-24.04"].into_iter().all(is_system));
        assert!(!is_system("debian-web") && !is_system("archive"));
    }
}
