"""What the help panel says: a few plain sentences for each kind of page, and the words on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

MONITORED = (_("监测对象"), _("收入在监测线以下或遇到重大困难、有返贫风险，正在帮扶的农户。"))
VERIFIED = (_("核实"), _("由没有参与录入的第二个人核对，两个人负责。"))
NOTICE = (_("公示"), _("在公开页和村里张贴若干天，任何人都可以提出异议；姓名只显示一部分。"))
CLEARING = (_("撮合"), _("把全县的供给和需求一次算清，找总得益最大、双方都愿意的成交。"))
LIMIT = (_("价格底线"), _("供方最低、需方最高能接受的价格。只用来计算，不给任何人看。"))
LINKAGE = (_("利益联结"), _("农户从一笔交易里得到钱的方式，如出售产品、务工、土地流转、分红。"))
LEG = (_("分录"), _("一笔账里每个账户各进出多少；一笔账的分录合计为零。"))
LINE = (_("监测线"), _("当年公布的收入标准，低于它就要有人上门看。"))


@dataclass(frozen=True)
class Help:
    """What one kind of page is for."""

    title: Any
    lines: tuple[Any, ...]
    words: tuple[tuple[Any, Any], ...] = ()


LISTS = _("表格上方可以筛选、选列、把筛选存成常用；“导出所示”得到的就是眼前这些行和列。")
NUMBERS = _("每个数字都可以点开，看到它数的是哪些。")
GENERAL = Help(_("怎样使用"), (_("上方是您能进入的房间，右上角可查找任何农户、地区、单位。"), LISTS, NUMBERS))
# By the beginning of the page's name (application:view); the longest that fits wins.
PAGES: dict[str, Help] = {
    "workbench:home": Help(
        _("首页"),
        (_("这里是等您处理的事，最急的在最前。办完一件就少一件。"), NUMBERS),
        (MONITORED, NOTICE),
    ),
    "workbench:dashboard": Help(
        _("本地情况"),
        (_("一个地方的情况：人、预警、买卖、钱。点地图上的乡镇看名单，点左上角的路径回到上级。"), NUMBERS),
        (MONITORED, LINE, LINKAGE),
    ),
    "workbench:household": Help(
        _("一户一页"),
        (
            _("左边是谁，中间是经过，右边是为什么、现在和下一步。"),
            _("证件号和电话平时盖住，点开一项会留下记录。打印出来就是明白卡。"),
        ),
        (MONITORED, VERIFIED, LINE),
    ),
    "workbench:own": Help(
        _("我家"),
        (_("这里只有您家自己的情况。觉得哪里不对，在最下面写一两句话就是申诉。"),),
        (LINKAGE,),
    ),
    "workbench:audit_log": Help(
        _("审计日志"),
        (
            _("谁在什么时候做了什么。日志只增不改，前后用哈希连起来并签名，改一处就会被发现。"),
            _("动作和对象先写名称，旁边的小字是日志里保存并签名的代码；查找时写名称或代码都行。"),
            LISTS,
        ),
    ),
    "workbench:people": Help(
        _("人员与岗位"), (_("给人授予岗位和范围。管理系统的人看不到任何业务数据。"), LISTS)
    ),
    "registry:household": Help(
        _("农户"),
        (
            _("框里可以写姓名、拼音首字母、户编号。录入的人不能核实自己录入的。"),
            _("批量录入请用“导入台账”，先检查，后写入，可撤销。"),
            LISTS,
        ),
        (VERIFIED, NOTICE, MONITORED),
    ),
    "registry:import": Help(
        _("导入台账"),
        (
            _("上传工作簿后先给出检查结果：可写入的、提醒的、不写入的，各多少。"),
            _("确认之前什么都没有写入；不写入的行可以下载批注过的文件，改好再传。"),
        ),
    ),
    "registry:notice": Help(
        _("公示"), (_("核实过的户成批公示；期满没有异议就纳入。"), LISTS), (NOTICE, VERIFIED)
    ),
    "registry:verify": Help(_("核实"), (_("逐户看，勾选核对无误的。自己录入的不能勾。"),), (VERIFIED,)),
    "registry:objection": Help(_("异议"), (_("由没有录入这一户的人决定，写明理由。"), LISTS), (NOTICE,)),
    "registry:resource": Help(
        _("资源与需求"),
        (_("每户有什么、缺什么。登记之后一步就可以发布成供给或需求。"), LISTS),
    ),
    "exchange:": Help(
        _("供需"),
        (
            _("先选品类，再填数量、时间和价格底线。县级专员撮合后，建议会出现在撮合板上。"),
            _("没有成的会写明为什么，改哪一项最容易成。"),
        ),
        (CLEARING, LIMIT),
    ),
    "market:": Help(
        _("预售与订单"),
        (
            _("农户先承诺数量，加起来就是能卖的上限，卖完即止。"),
            _("收成不足时按事先写明的办法少发，少发的退全款。结算把每一分钱分到户。"),
        ),
        (LINKAGE,),
    ),
    "monitoring:": Help(
        _("返贫预警"),
        (_("系统每天比对收入、住房、饮水、大额支出。预警要在期限内有人上门，再写走访结果。"), LISTS),
        (LINE, MONITORED),
    ),
    "field:": Help(
        _("下乡"),
        (
            _("手机上先定口令、带上资料，没有网也能看户情、填走访、录新户；有网时自动送回。"),
            _("别人在这期间改过同一件事，就列为冲突，由到户的人核对后写入或搁置。"),
            LISTS,
        ),
    ),
    "ledger:": Help(
        _("账本"), (_("只增不改；记错了用冲正，原来的那笔留着。每户可看自己的账。"), LISTS), (LEG, LINKAGE)
    ),
    "policy:": Help(
        _("政策"),
        (
            _("文件变成带日期的数据和规则，每条都写明依据。认定结果会说满足哪条、差多少。"),
            _("情况不详的户要先核实，不会因此拒绝。"),
        ),
        (LINE, MONITORED),
    ),
    "partners:": Help(_("伙伴"), (_("企业、合作社、商会等。录入后由县级专员核验才公开。"), LISTS)),
    "procedures:": Help(
        _("程序"),
        (_("一件事按步骤走，每步写明谁办、几个工作日、要什么材料。需要两个人的地方，一个人办不了两次。"),),
    ),
    "places:": Help(_("地区"), (_("按名称、拼音或代码查找；撤并过的地方按日期找到后来的代码。"),)),
    "publication:": Help(_("公开"), (_("把核对过、盖住隐私的内容发布到公开页。"),), (NOTICE,)),
    "accounts:": Help(_("账号"), (_("岗位归岗位，人归人：换人时交接岗位，不交接密码。"),)),
    "messages:": Help(_("消息"), (_("给您的通知和提醒。读过的会标出来；可以设不打扰的时间。"),)),
    "sheets:": Help(_("报表"), (_("按模板出的台账和报表；每月的报表定稿后不再变，带校验码。"),)),
}


def help_for(page: str) -> Help:
    """The help of a page by its name; the general one where none is closer."""
    fitting = [name for name in PAGES if page.startswith(name)]
    return PAGES[max(fitting, key=len)] if fitting else GENERAL
