"""Code lists of the household register, as dated data.

Labels, not numbers, are exchanged: the numbers differ between provinces' systems. A value holds from
``valid_from`` until ``valid_to``; an old value stays readable for ever. Source of the lists: the
registration form of 建档立卡 and its later tables (``docs/rules/import.md`` says which list has which mark).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

FORM_2014 = "建档立卡贫困户登记表 (2014)"
LIST_2018 = "致贫原因 code list (2018)"
SYSTEM_SHEET = "26-column system sheet"
GB_3304 = "GB/T 3304-1991"


@dataclass(frozen=True)
class Code:
    """One value: our English code, its official label, other labels that are read as it."""

    code: str
    label: str
    english: str
    aliases: tuple[str, ...] = ()
    valid_from: date = date(2014, 1, 1)
    valid_to: date | None = None
    source: str = FORM_2014


class CodeList(tuple[Code, ...]):
    """An ordered list of codes, with look-up both ways."""

    @cached_property
    def _by_code(self) -> dict[str, Code]:
        return {c.code: c for c in self}

    def by_code(self) -> dict[str, Code]:
        """Every value ever valid, by its code."""
        return self._by_code

    def by_label(self) -> dict[str, str]:
        """Label or alias → code."""
        found = {alias: c.code for c in self for alias in c.aliases}
        return found | {c.label: c.code for c in self}

    def choices(self, on: date | None = None) -> list[tuple[str, str]]:
        """(code, label) pairs, only those valid on the day if one is given."""
        return [
            (c.code, c.label)
            for c in self
            if on is None or (c.valid_from <= on and (c.valid_to is None or on <= c.valid_to))
        ]


CAUSES = CodeList(
    [
        Code("illness", "因病", "illness", ("因病致贫",)),
        Code("disability", "因残", "disability", ("因残致贫",)),
        Code("schooling", "因学", "schooling", ("因学致贫",)),
        Code("disaster", "因灾", "disaster", ("因灾致贫", "因自然灾害")),
        Code("marriage", "因婚", "marriage", (), date(2018, 1, 1), None, LIST_2018),
        Code("land", "缺土地", "lack of land"),
        Code("water", "缺水", "lack of water"),
        Code("skill", "缺技术", "lack of skill"),
        Code("capital", "缺资金", "lack of capital"),
        Code("labour", "缺劳力", "lack of labour", ("缺劳动力",)),
        Code("transport", "交通条件落后", "poor transport"),
        Code("motivation", "自身发展动力不足", "lack of motivation", ("自身发展力不足",)),
        Code("other", "其他", "other", ("其它",)),
    ]
)
ATTRIBUTES = CodeList(
    [
        Code("ordinary", "一般贫困户", "ordinary poor household", ("一般农户", "一般脱贫户")),
        Code("allowance", "低保贫困户", "household on allowance", ("低保户", "低保脱贫户")),
        Code(
            "fully_supported", "特困供养贫困户", "fully supported household", ("五保贫困户", "特困供养脱贫户")
        ),
    ]
)
EXIT_ATTRIBUTES = CodeList(
    [
        Code("not_exited", "未脱贫", "not exited", ("否", "未脱贫(新增)"), source=SYSTEM_SHEET),
        Code("exited", "已脱贫", "exited", ("是", "已脱贫(享受政策)", "正常脱贫"), source=SYSTEM_SHEET),
        Code("exited_no_policy", "已脱贫(不再享受政策)", "exited, support ended", source=SYSTEM_SHEET),
        Code("returned", "返贫", "returned to poverty", source=SYSTEM_SHEET),
    ]
)
HEALTH = CodeList(
    [
        Code("healthy", "健康", "healthy", ("良好",)),
        Code("chronic", "长期慢性病", "chronic illness", ("慢性病",)),
        Code("serious", "患有大病", "serious illness", ("大病",)),
        Code("disabled", "残疾", "disabled"),
    ]
)
LABOUR = CodeList(
    [
        Code("ordinary", "普通劳动力", "ordinary", ("普通劳动能力",)),
        Code("skilled", "技能劳动力", "skilled", ("技能劳动能力",)),
        Code("weak", "弱劳动力或半劳动力", "weak or half", ("半劳动力", "弱劳动力")),
        Code("lost", "丧失劳动力", "lost", ("丧失劳动能力",)),
        Code("none", "无劳动力", "none", ("无劳动能力",)),
    ]
)
UNSAFE_HOUSE = CodeList(
    [
        Code("no", "否", "safe", ("安全", "A级", "B级", "无")),
        Code("c", "C级", "grade C", ("C", "是(C级)")),
        Code("d", "D级", "grade D", ("D", "是(D级)")),
    ]
)
YES_NO = CodeList([Code("yes", "是", "yes", ("有",)), Code("no", "否", "no", ("无",))])
RELATIONS = CodeList(
    [
        Code("head", "户主", "head", ("本人",)),
        Code("spouse", "配偶", "spouse", ("妻子", "丈夫")),
        Code("son", "之子", "son", ("儿子", "长子", "次子")),
        Code("daughter", "之女", "daughter", ("女儿", "长女", "次女")),
        Code("daughter_in_law", "之儿媳", "daughter-in-law", ("儿媳",)),
        Code("son_in_law", "之女婿", "son-in-law", ("女婿",)),
        Code("grandson", "之孙子", "grandson", ("孙子", "之外孙子")),
        Code("granddaughter", "之孙女", "granddaughter", ("孙女", "之外孙女")),
        Code("father", "之父", "father", ("父亲",)),
        Code("mother", "之母", "mother", ("母亲",)),
        Code("father_in_law", "之岳父", "father-in-law", ("之公公", "岳父", "公公")),
        Code("mother_in_law", "之岳母", "mother-in-law", ("之婆婆", "岳母", "婆婆")),
        Code("grandfather", "之祖父", "grandfather", ("祖父", "之外祖父")),
        Code("grandmother", "之祖母", "grandmother", ("祖母", "之外祖母")),
        Code("sibling", "之兄弟姐妹", "sibling", ("兄弟姐妹", "之兄", "之弟", "之姐", "之妹")),
        Code("other", "其他", "other", ("其它",)),
    ]
)
SCHOOLING = CodeList(
    [
        Code("preschool_child", "学龄前儿童", "below school age"),
        Code("illiterate", "文盲半文盲", "illiterate or half", ("文盲或半文盲", "文盲")),
        Code("primary", "小学", "primary school"),
        Code("junior", "初中", "junior secondary"),
        Code("senior", "高中", "senior secondary", ("中专", "高中/中专")),
        Code("college", "大专", "junior college", ("高职高专",)),
        Code("university", "本科及以上", "university", ("本科", "大学本科", "硕士研究生及以上")),
    ]
)
ENROLMENT = CodeList(
    [
        Code("not_enrolled", "非在校生", "not enrolled", ("否",)),
        Code("kindergarten", "学前教育", "kindergarten", ("幼儿园",)),
        Code("primary", "小学", "primary school", ("小学一年级", "小学六年级")),
        Code("grade_7", "七年级", "grade 7", ("初中一年级",)),
        Code("grade_8", "八年级", "grade 8", ("初中二年级",)),
        Code("grade_9", "九年级", "grade 9", ("初中三年级",)),
        Code("senior", "高中", "senior secondary", ("普通高中",)),
        Code("vocational", "中职", "vocational school", ("中等职业学校",)),
        Code("college", "高职高专", "junior college", ("大专",)),
        Code("university", "本科及以上", "university", ("本科",)),
        Code("dropped_out", "辍学", "dropped out", ("失学", "失学或辍学")),
    ]
)
WORK = CodeList(
    [
        Code("none", "未务工", "no migrant work", ("否", "无")),
        Code("township", "乡(镇)内务工", "within the township", ("乡镇内务工",)),
        Code("county", "乡(镇)外县内务工", "within the county", ("县内务工", "乡镇外县内务工")),
        Code("province", "县外省内务工", "within the province", ("省内务工",)),
        Code("outside", "省外务工", "outside the province"),
        Code("other", "其他", "other", ("其它",)),
    ]
)
SEXES = CodeList([Code("male", "男", "male"), Code("female", "女", "female")])
_PEOPLES = """汉族 Han,蒙古族 Mongol,回族 Hui,藏族 Tibetan,维吾尔族 Uyghur,苗族 Miao,彝族 Yi,
壮族 Zhuang,布依族 Buyei,朝鲜族 Korean,满族 Manchu,侗族 Dong,瑶族 Yao,白族 Bai,土家族 Tujia,哈尼族 Hani,
哈萨克族 Kazakh,傣族 Dai,黎族 Li,傈僳族 Lisu,佤族 Va,畲族 She,高山族 Gaoshan,拉祜族 Lahu,水族 Sui,
东乡族 Dongxiang,纳西族 Naxi,景颇族 Jingpo,柯尔克孜族 Kirgiz,土族 Tu,达斡尔族 Daur,仫佬族 Mulao,
羌族 Qiang,布朗族 Blang,撒拉族 Salar,毛南族 Maonan,仡佬族 Gelao,锡伯族 Xibe,阿昌族 Achang,普米族 Pumi,
塔吉克族 Tajik,怒族 Nu,乌孜别克族 Uzbek,俄罗斯族 Russian,鄂温克族 Ewenki,德昂族 Deang,保安族 Bonan,
裕固族 Yugur,京族 Gin,塔塔尔族 Tatar,独龙族 Derung,鄂伦春族 Oroqen,赫哲族 Hezhen,门巴族 Monba,
珞巴族 Lhoba,基诺族 Jino"""
ETHNICITIES = CodeList(
    [
        Code(f"{number:02d}", name, english, (name.removesuffix("族"),), source=GB_3304)
        for number, (name, english) in enumerate((entry.split() for entry in _PEOPLES.split(",")), start=1)
    ]
)
RESOURCE_KINDS = CodeList(
    [
        Code("labour", "劳动力", "labour"),
        Code("land", "土地", "land"),
        Code("produce", "农产品", "produce"),
        Code("skill", "技能", "skill"),
        Code("craft", "手工艺", "craft"),
        Code("scenery", "景观", "scenery"),
        Code("raw", "原材料", "raw material"),
        Code("house", "闲置房屋", "idle house"),
        Code("input", "农资", "farm inputs"),
        Code("service", "服务", "services"),
        Code("capital", "资金", "capital"),
        Code("other", "其他", "other"),
    ]
)
# What a public notice may say: never that somebody is ill or disabled, so these share a group.
CAUSE_GROUPS = {
    "illness": "burden",
    "disability": "burden",
    "schooling": "burden",
    "disaster": "event",
    "marriage": "burden",
    "land": "means",
    "water": "means",
    "skill": "ability",
    "capital": "means",
    "labour": "ability",
    "transport": "means",
    "motivation": "ability",
    "other": "other",
}
CAUSE_GROUP_LABELS = {
    "burden": "家庭支出负担",
    "event": "突发事件",
    "means": "生产条件不足",
    "ability": "发展能力不足",
    "other": "其他原因",
}
LISTS: dict[str, CodeList] = {
    "cause": CAUSES,
    "attribute": ATTRIBUTES,
    "exit_attribute": EXIT_ATTRIBUTES,
    "health": HEALTH,
    "labour": LABOUR,
    "unsafe_house": UNSAFE_HOUSE,
    "relation": RELATIONS,
    "schooling": SCHOOLING,
    "enrolment": ENROLMENT,
    "work_status": WORK,
    "ethnicity": ETHNICITIES,
    "sex": SEXES,
    "resource_kind": RESOURCE_KINDS,
}


def label(list_name: str, code: str | None) -> str:
    """The official label of a code; an unknown code is shown as it is, none as an empty string."""
    if not code:
        return ""
    found = LISTS[list_name].by_code().get(code)
    return found.label if found else code
