//! Chinese family names, which many countries romanised by the dialects of those who came: no rule leads from Wong to Wang.
//!
//! Each line is one character: pinyin, then Wade and Giles, Cantonese, Hokkien and Teochew, Hakka, Korean and Vietnamese
//! spellings that stand in passports. One spelling may be of several names: Wong is 王 and 黄.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::parts::Part;
use super::sounds::sounds;
use super::wade::other_spellings;

/// The forty most common names of China, and some more that are common abroad.
const FAMILIES: &[&str] = &[
    "wang wong ong vuong heng bong",
    "li lee lei ly rhee yi",
    "zhang chang cheung teo chong truong jang tiu teoh",
    "liu lau low liew luu yu ryu lew",
    "chen chan tan tran ting chin jin",
    "yang yeung yeo duong yong yeoh",
    "huang wong ng hwang ooi wee oei hoang bong",
    "zhao chao chiu teo trieu cho",
    "wu ng goh ngo oh go gouw",
    "zhou chou chow chau chew chu joo jew",
    "xu hsu hui tsui chee khaw tu seo koh choi ko",
    "sun suen sng ton son soon",
    "ma mah be mar beh",
    "zhu chu choo ju",
    "hu wu oh woo ho foo",
    "guo kuo kwok kwek quach kwak quek koay",
    "he ho hor ha hoe",
    "lin lam lim im lum ling",
    "gao kao ko go cao koh",
    "luo lo law loh la na lor",
    "zheng cheng cheang tay teh trinh jeong chung tee",
    "liang leung neo niu luong yang leong neoh",
    "xie hsieh tse tsia chia ta seah der",
    "song sung soong tong",
    "tang tong teng dong thng",
    "han hon hang",
    "feng fung pang phung foong",
    "deng teng tang dang",
    "cao tsao cho tso chow",
    "peng pang phe banh pheh",
    "zeng tseng tsang chan tang chang jeng",
    "xiao hsiao siu sio siew tieu",
    "tian tien tin chan dien thien",
    "dong tung tang",
    "pan pun phua poon phan puah",
    "yuan yuen wan vien won",
    "cai tsai choi chua thai chai tjoa toi",
    "jiang chiang keung kiang tuong giang keong",
    "yu yue ie",
    "du tu to toh do",
    "ye yeh yip iap diep yap ip",
    "cheng ching thia trinh",
    "su so soh to sou",
    "wei ngai gui nguy wee",
    "lu lo loo loke luk look",
    "ding ting teng dinh",
    "ren jen yam jim nham",
    "shen shum sim tham sum",
    "yao yiu io dieu",
    "zhong chung cheong jong",
    "tan tam tham",
    "fang fong png phuong",
    "shi shih shek sek si thach",
    "liao liu liau lieu leow",
    "qiu chiu yau khoo khu yow hew",
    "ou au ow",
    "ouyang auyeung owyang",
    "situ szeto",
    "mo mok mak moh mac",
    "kong hung khong",
    "bai pai pak peh bach",
    "cui tsui chui choi thoi",
    "kang hong khang",
    "mai mak mei",
    "xue hsueh sit tiet",
    "zhuang chong chng trang chuang",
    "hong hung ang",
    "ji chi kei",
    "gu ku koo co",
    "yan yen ngan gan nhan yim",
    "wen wan vun man",
];

/// The lines of each spelling, by its sounds.
static BY_SOUNDS: LazyLock<BTreeMap<Vec<u8>, Vec<usize>>> = LazyLock::new(|| {
    let mut lines = BTreeMap::<Vec<u8>, Vec<usize>>::new();
    for (line, names) in FAMILIES.iter().enumerate() {
        for name in names.split(' ') {
            let of = lines.entry(sounds(name)).or_default();
            if of.last() != Some(&line) {
                of.push(line);
            }
        }
    }
    lines
});

/// Other spellings of the names that a part may be.
pub(super) fn kin(part: &Part) -> Vec<Part> {
    let lines = BY_SOUNDS.get(&part.sounds).map_or(&[][..], Vec::as_slice);
    let mut kin: Vec<Part> = lines
        .iter()
        .flat_map(|line| FAMILIES[*line].split(' '))
        .map(sounds)
        .chain(other_spellings(&part.sounds).iter().cloned())
        .filter(|other| *other != part.sounds)
        .map(|sounds| Part { sounds, abjad: false })
        .collect();
    kin.sort_unstable();
    kin.dedup();
    kin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::parts::parts;

    #[test]
    fn a_spelling_leads_to_all_names_that_it_may_be() {
        let of = |name: &str| kin(&parts(name)[0]);
        let has = |name: &str, other: &str| of(name).contains(&parts(other)[0]);
        assert!(has("Wong", "Wang") && has("Wong", "Huang") && has("王", "Wong") && has("Tran", "Chen"));
        assert!(!has("Wang", "Chen"));
        assert!(of("Gavrilov").is_empty());
    }
}
