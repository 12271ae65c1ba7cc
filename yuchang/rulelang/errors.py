"""What is wrong with a rule, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass
class RuleError(Exception):
    """A rule that cannot be accepted. ``position`` counts characters of ``text`` from 0."""

    message: str
    remedy: str = ""
    text: str = ""
    position: int = 0
    file: str = ""
    line: int = 0
    rule: str = ""

    __hash__ = Exception.__hash__

    def placed(self, *, file: str, line: int, rule: str) -> RuleError:
        """The same error with the place of its rule."""
        return replace(self, file=file, line=line, rule=rule)

    def __str__(self) -> str:
        where = [
            self.file,
            f"第 {self.line} 行" if self.line else "",
            f"规则 {self.rule}" if self.rule else "",
        ]
        if self.text:
            where.append(f"第 {self.position + 1} 个字符")
        head = "，".join(part for part in where if part)
        lines = [f"{head}：{self.message}" if head else self.message]
        if self.text:
            lines += [f"  {self.text}", "  " + " " * self.position + "^"]
        if self.remedy:
            lines.append(f"  怎么办：{self.remedy}")
        return "\n".join(lines)
