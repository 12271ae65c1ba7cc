"""The whole loop as a list of stages, in the order in which a county lives them."""

from __future__ import annotations

from demo import hands, prefecture, register, trade, watch
from demo.scene import Scene
from demo.stages import Stage

STAGES: tuple[Stage[Scene], ...] = (
    Stage("files", "生成县域、真相与工作簿", register.write_files),
    Stage("people", "设置时钟与岗位人员", register.open_county),
    Stage("organisations", "登记并核验帮扶单位", register.enter_organisations),
    Stage("import", "导入 26 列工作簿", register.import_workbook, is_atomic=False, writes_much=True),
    Stage("correction", "更正退回户,再次导入", register.import_correction, is_atomic=False),
    Stage("doubles", "查找疑似重复的人", register.find_doubles),
    Stage("verify", "第二人核实", register.verify),
    Stage("notices", "张榜公示", register.publish_notices),
    Stage("objections", "受理与裁定异议", register.hear_objections),
    Stage("close", "公示期满,纳入", register.close_notices),
    Stage("survey", "入户走访:收入构成", register.survey, writes_much=True),
    Stage("policy", "政策判定(冻结快照)", watch.decide, is_atomic=False),
    Stage("resources", "登记各户资源", trade.declare),
    Stage("offers", "发布供给", trade.post_offers, writes_much=True),
    Stage("needs", "发布需求", trade.post_needs),
    Stage("clearing", "撮合出清并核验", trade.clear, writes_much=True),
    Stage("talks", "洽谈与签约", trade.talk, writes_much=True),
    Stage("rounds", "预售开团与农户承诺", trade.open_rounds),
    Stage("orders", "下单与付款", trade.sell, writes_much=True),
    Stage("harvest", "采收、发货、结算预售", trade.harvest, writes_much=True),
    Stage("agreements", "协议订单交货与结算", trade.order_agreed, writes_much=True),
    Stage("deliveries", "协议履约登记、异议与评价", trade.deliver),
    Stage("year", "秋季排查:这一年的变故", watch.see_the_year),
    Stage("assess", "监测比对,开出预警", watch.assess),
    Stage("visits", "走访", watch.visit),
    Stage("field", "手机离线走访后回传", watch.report_from_the_field),
    Stage("supplement", "补录漏报户", register.supplement, is_atomic=False),
    Stage("hands", "结对帮扶、抽查评估、农户手机", hands.bring_in),
    Stage("renotice", "补录户核实与公示", register.notice_again),
    Stage("log", "日志排序与签名", watch.sign_log, is_atomic=False),
    Stage("publish", "向公众发布", watch.publish),
)

PREFECTURE: tuple[Stage[Scene], ...] = (
    Stage("people", "设置时钟与岗位人员", register.open_county),
    Stage("hands", "设置移交人员", prefecture.open_hands),
    Stage("prefecture", "移交全市存量户", prefecture.take_over, is_atomic=False, writes_much=True),
    Stage("doubles", "在本县查找疑似重复的人", register.find_doubles),
)
"""A prefecture is only taken over: its households wait for their counties' people."""
