"""Names for people who do not exist: drawn from tables, with rare characters and names with ·."""

from __future__ import annotations

import numpy as np

from demo.county.tables import Flags, Ints, Texts

SURNAMES = np.array(
    list(
        "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
    )
)
RARE_SURNAMES = np.array(["逯", "仝", "亓", "乜", "昝", "啜", "豆", "郄", "尉迟", "上官", "拓跋", "禤", "𬱖"])
MALE = np.array(
    list(
        "伟强军勇磊涛斌波辉刚健峰亮建国平志明杰飞鹏浩宇文武东海山林生贵福禄宝全德顺永成祥龙虎根柱民忠义仁信兴旺有金锁满仓"
    )
)
FEMALE = np.array(
    list("芳娟敏静秀丽英华玉兰梅花霞红艳燕萍娜娥琴凤莲香桂珍珠月巧云彩翠雪春秋菊莉慧淑贤惠爱青叶蓉倩婷欣怡")
)
SECOND = np.array(list("小大天正新国文志建永玉春秋金银彦俊晓海红卫向学家成明德世兴万长福来喜双三五"))
RARE_GIVEN = np.array(
    [
        "堃",
        "喆",
        "犇",
        "淼",
        "赟",
        "玥",
        "龑",
        "㛃",
        "䶮",
        "昇",
        "燊",
        "垚",
        "頔",
        "𬍛",
        "𬀩",
        "𠅤",
        "彧",
        "翀",
        "𬭊",
    ]
)
WITH_DOT_MALE = np.array(["买买提", "艾力", "吐尔逊", "阿不都", "玉素甫", "伊力哈木", "巴合提", "赛力克"])
WITH_DOT_FEMALE = np.array(["阿依古丽", "古丽娜尔", "帕提古丽", "热依汗", "阿米娜", "加娜尔"])
TIBETAN_FIRST = np.array(["扎西", "卓玛", "才让", "旦增", "索南", "尼玛", "格桑", "次仁", "仁青", "桑杰"])
TIBETAN_LAST = np.array(["顿珠", "拉姆", "草", "吉", "多杰", "措", "平措", "央金", "加措", "东知"])

DOTTED = ("维吾尔族", "哈萨克族")
RARE_SURNAME_SHARE, RARE_GIVEN_SHARE, TWO_CHARACTER_SHARE = 0.006, 0.008, 0.28


def surnames(rng: np.random.Generator, count: int) -> Texts:
    """One surname per household; common ones more often, a few rare ones and two-character ones."""
    rank = 1.0 / (np.arange(len(SURNAMES)) + 6.0)
    common = rng.choice(SURNAMES, count, p=rank / rank.sum())
    rare = rng.choice(RARE_SURNAMES, count)
    return np.where(rng.random(count) < RARE_SURNAME_SHARE, rare, common).astype(np.str_)


def full_names(
    rng: np.random.Generator, surname: Texts, own_surname: Flags, is_male: Flags, ethnicity: Texts
) -> Texts:
    """A full name per person; those with ``own_surname`` (spouses, in-laws) draw their own surname."""
    count = len(surname)
    family = np.where(own_surname, surnames(rng, count), surname)
    last = np.where(is_male, rng.choice(MALE, count), rng.choice(FEMALE, count))
    last = np.where(rng.random(count) < RARE_GIVEN_SHARE, rng.choice(RARE_GIVEN, count), last)
    middle = np.where(rng.random(count) < TWO_CHARACTER_SHARE, "", rng.choice(SECOND, count))
    names = np.char.add(np.char.add(family, middle), last)
    dotted = np.char.add(
        np.char.add(
            np.where(is_male, rng.choice(WITH_DOT_MALE, count), rng.choice(WITH_DOT_FEMALE, count)), "·"
        ),
        rng.choice(WITH_DOT_MALE, count),
    )
    tibetan = np.char.add(rng.choice(TIBETAN_FIRST, count), rng.choice(TIBETAN_LAST, count))
    names = np.where(np.isin(ethnicity, DOTTED), dotted, names)
    return np.where(ethnicity == "藏族", tibetan, names).astype(np.str_)


def swap_two_characters(name: str) -> str:
    """The typing mistake of a tired hand: the last two characters change places."""
    return name if len(name) < 3 or "·" in name else name[:-2] + name[-1] + name[-2]


def pick(rng: np.random.Generator, values: Texts, index: Ints) -> Texts:
    """A value per index, the same index always giving the same value; ``rng`` only shuffles the table."""
    shuffled = rng.permutation(values)
    return shuffled[index % len(shuffled)]
