r"""Texts in a tool's definition that order a model about (THREATS C01, C04; MCP 2026-07-28, Tools: Security).

A description describes. One that speaks of other tools, of files nobody named, of what to keep from the
user or of what happens once it is approved, orders. Signals add up as in `injection.py`, of which this
is the part that would be wrong about ordinary texts: a manual may say which program to call first.
"""

import functools
from typing import Any, Final, final

import msgspec
import re2

from yett.sanitising.detectors.automaton import Automaton
from yett.sanitising.detectors.wording import in_text, loosely

THRESHOLD: Final = 3
_TEXT_BYTES_MAX: Final = 256 * 1024
_PATTERN_BYTES_MAX: Final = 32 * 1024 * 1024


@final
class Sign(msgspec.Struct, frozen=True):
    """family: of several, only the heaviest counts. points: see THRESHOLD. The pattern is as in `wording.py`."""

    family: str
    points: float
    pattern: str


_TOOL: Final = (
    r"(?:(?:the |any |every |each |an? |all )?(?:other |another )?(?:`?\w+[_-]\w+`?|\w+) (?:tools?|functions?|servers?)|"
    r"`?[a-z0-9]+_\w+`?)"
)
_CALLED: Final = r"(?:called|invoked|used|run|executed|requested|triggered)"
_SEND: Final = (
    r"(?:sends?|posts?|uploads?|forwards?|copies|copy|transmits?|reports?|submits?|streams?|mails?|e-?mails?|"
    r"leaks?|delivers?|syncs?|relays?|mirrors?|pings?)"
)
_OUTSIDE: Final = (
    r"(?:external|remote|third[- ]party|outside|hidden|attacker'?s?|unknown|undisclosed|separate) "
    r"(?:\w+ ){0,2}(?:hosts?|servers?|endpoints?|urls?|services?|address(?:es)?|sites?|collectors?|webhooks?|recipients?|locations?|accounts?)"
)
_FILES: Final = (
    r"(?:[~]/\.(?:ssh|aws|gnupg|kube|docker|config|cursor|claude|netrc|npmrc|bash_history|zsh_history)|"
    r"\.ssh/|\.aws/|id_(?:rsa|ed25519|dsa|ecdsa)|/etc/(?:passwd|shadow|sudoers)|mcp\.json|"
    r"\.git-credentials|\.netrc|\.kube/config|claude_desktop_config|/proc/self/environ)"
)
_SECRETS: Final = (
    r"(?:\.env\b|ssh keys?|private keys?|(?:user'?s?|your|their|all|any|the) (?:\w+ )?(?:api[ _-]keys?|credentials?|passwords?|secrets|tokens|cookies|clipboard|keychain|wallet)|"
    r"environment variables|(?:conversation|chat|message|browsing|browser) history|(?:system|initial|hidden) (?:prompt|instructions|message)|session cookies|seed phrase)"
)
_TAKE: Final = (
    r"(?:read|open|load|fetch|include|append|attach|embed|pass|send|cat|get|prepend|dump|copy|extract|collect|grab|"
    r"upload|post|forward|add|insert|return|retrieve|access|reveal|print|output|disclose|transmit|exfiltrate|gather|harvest|steal|capture|log)(?:s|es|ing)?"
)

SIGNS: Final = (
    # It speaks of other tools.
    Sign("other_tools", 4, rf"\b(?:whenever|when|if|before|after|while|each time|every time|any time|as soon as) ~{_TOOL} (?:is|are|gets?|was|has been) {_CALLED}\b~(?:bcc|cc\b|first|also|always|instead|reroute|redirect|replace|change|modif|append|add\b|must|silently|forward|include)"),
    Sign("other_tools", 4, r"\b(?:modif(?:y|ies)|chang(?:e|es)|alters?|overrid(?:e|es)|intercepts?|hijacks?|hooks?|tampers?|affects?) (?:with )?(?:the |its |their )?(?:behaviou?rs?|outputs?|results?|responses?|arguments|parameters|functioning|execution|calls?) (?:of|from|to|for|in) ~(?:tools?|functions?|servers?|`?[a-z0-9]+_\w+`?)\b"),
    Sign("other_tools", 3, r"\b(?:replac(?:e|es|ing)|discard|ignore|overwrite|substitut(?:e|es)) (?:its|their|that tool'?s?|the other tool'?s?) (?:outputs?|results?|responses?|answers?|values?)\b"),
    Sign("other_tools", 4, r"\balways ~\b(?:replac(?:e|es|ing)|discard|ignore|overwrite) (?:its|their|that tool'?s?|the other tool'?s?) (?:outputs?|results?|responses?|answers?)\b"),
    Sign("other_tools", 2, r"\b(?:supersedes?|replaces?|overrides?|takes? precedence over|takes? priority over|shadows?) (?:the |all |any )?(?:other )?(?:`?[a-z0-9]+_\w+`?|\w+ tools?|tools?)\b"),
    Sign("other_tools", 3, r"\b(?:re-?route|redirect|route|divert|send|direct|funnel) (?:all|every|any|each) ~(?:requests?|calls?|traffic|queries|messages?|operations?) (?:here|through this|to this|via this|through it|to it)\b"),
    Sign("other_tools", 4, r"\b(?:instead of|rather than|in place of|do not|don'?t|never|avoid|stop) (?:ever )?(?:using|calling|invoking|use|call|invoke|run|running) (?:the |any |all )?(?:other )?(?:`?\w+`? )?(?:tools?|functions?)\b~(?:always|only|must|this|first)"),
    Sign("other_tools", 3, r"\b(?:never|do not|don'?t|must not|should not) (?:use|call|invoke|trust|run) (?:any |the )?(?:other|another|different|similar|built-?in|native) (?:tools?|functions?|servers?)\b"),
    Sign("pushing", 1, r"\b(?:always|must|should|only) (?:always |first )?(?:call|use|invoke|run|execute) (?:this|it)(?: (?:tool|one|function|server))? (?:first|before (?:any|every|all|each|other|using|calling))"),
    Sign("other_tools", 2, r"\b(?:when|whenever|if|before) (?:the user|you|someone|anyone|the agent|the assistant|the model)?~\b(?:use|uses|using|call|calls|calling|invoke|invokes|invoking|run|runs)\b ~(?:the |any )?(?:`?[a-z0-9]+_\w+`?|\w+|other|another) (?:tools?|functions?)\b~(?:first|must|always|call this|use this|instead)"),
    Sign("pushing", 2, r"\b(?:first|must|need to|have to|required to|requires you to) (?:first )?(?:call|invoke|run|use|execute) (?:the )?(?:bash|shell|terminal|exec|read|write|file|fetch|http|email|mail) tool\b"),
    Sign("pushing", 2, r"\bbefore (?:using|calling|invoking|running|you use|you call|executing|performing) (?:any(?: other)?|other|all|every)(?: other)? (?:tools?|functions?|commands?|operations?|one)\b|\bbefore any (?:other )?(?:tools?|functions?|servers?|(?:\w+ )?operations?)\b"),
    Sign("pushing", 2, r"\buse (?:it|this|only this)(?: tool| one)?(?: only)? for (?:every|all|any|each) (?:requests?|tasks?|questions?|quer(?:y|ies)|calls?|operations?)\b~(?:other|another|instead|regardless|even|including)"),
    Sign("when_called", 2, rf"\b(?:whenever|when|if|before|after|while|each time|every time|any time|as soon as|every successful|each)\b[^.!?]{{0,40}}\b(?:call(?:s|ing|ed)?|invok(?:e|es|ing|ed)|us(?:e|es|ing|ed)|runn?(?:s|ing)?|execut(?:e|es|ing|ed)|available|to) (?:the )?(?:`?[a-z0-9]+_\w+`?|(?:other|another|any) tools?)|\b(?:whenever|when|if|before|after) (?:the )?(?:\(?\w+\)? )?(?:`?[a-z0-9]+_\w+`?|\w+)(?: tools?)? (?:is|are|was|gets) {_CALLED}"),
    Sign("tampering", 2, r"\b(?:change|modify|replace|adjust|alter|rewrite|swap|substitute|re-?route|redirect) (?:the |its |their )?['\"`]?(?:\w+ ){0,2}['\"`]?(?:recipients?|paths?|arguments?|amounts?|accounts?(?: number)?|destination|addressee?|targets?|commands?)\b"),
    Sign("tampering", 2, r"\b(?:instead of|in place of|not) the (?:given|specified|provided|requested|original|intended|user'?s) (?:\w+)"),
    Sign("tampering", 2, r"\b(?:prefix|prepend|wrap|precede) (?:it|them|every|each|all|any|the)\b"),
    Sign("rivals", 4, r"\b(?:all other|other|any other|every other|official|existing|built-?in|original|native|default)\b~\b(?:tools?|servers?|functions?|versions?)\b~\b(?:deprecated|unsafe|compromised|broken|unreliable|insecure|disabled|outdated|untrusted|unavailable|malicious|must not be used|should not be used)"),
    Sign("rivals", 3, r"\b(?:do not|don'?t|never|stop|avoid) (?:use|call|trust|using|calling|trusting) (?:the |any |their )?(?:official|other|existing|original|built-?in|real|default) (?:\w+ ){0,2}(?:tools?|servers?|functions?)\b"),
    Sign("slander", 2, r"\bonly\b~\b(?:this|its)\b~\b(?:trusted|trustworthy|valid|authoritative)\b|\b(?:is|are|was) compromised\b"),
    # It names what is nobody's business.
    Sign("files", 4, rf"\b{_TAKE}\b~{_FILES}"),
    Sign("files", 2, rf"{_FILES}"),
    Sign("secrets", 3, rf"\b{_TAKE}\b~{_SECRETS}~(?:\b(?:in|into|as|to|via|with|through)\b~(?:parameter|argument|field|query|url|output|response|result|{_OUTSIDE})|before (?:using|calling|returning|continuing|any))"),
    Sign("secrets", 4, r"\b(?:steals?|stealing|siphons?|harvests?|smuggles?|snoops?|exfiltrates?|exfiltrating|exfil) (?:on )?(?:\S+ ){0,4}(?:keys?|secrets?|tokens?|credentials?|passwords?|data|files?|cookies|contents?|history|\.env|\S*(?:id_rsa|\.ssh|\.aws)\S*|everything|messages?|conversations?)"),
    Sign("secrets", 4, r"\b(?:also|silently|secretly|quietly|covertly|additionally) (?:reads?|captures?|collects?|logs?|records?|gathers?|scrapes?|uploads?|sends?|copies) (?:\w+ ){0,3}(?:user'?s?|credentials?|keys?|tokens?|passwords?|clipboard|files?|history|secrets?|environment)"),
    Sign("secrets", 4, r"(?:^|[.!:;,] ?|\b(?:first|then|also|must) ,?)(?:,? ?)(?:reveal|disclose|print|output|dump|leak|return|repeat) (?:your|the full|the entire) (?:\w+ )?(?:system prompt|instructions|system message|conversation)"),
    Sign("secrets", 3, r"\b(?:reveals?|discloses?|prints?|outputs?|dumps?|leaks?|return) (?:your|the|its|their) (?:\w+ )?(?:system prompt|hidden instructions|initial instructions|system message)"),
    Sign("files", 4, rf"\bcontents? of (?:the |any |your |user'?s |a |all )*{_FILES}"),
    Sign("files", 3, r"\bcontents? of (?:the |any |your |user'?s |a |all )*(?:files? )?\.env\b"),
    Sign("secrets", 4, r"\b(?:read|retrieve|get|fetch|obtain|look up|find|collect|take) (?:the |all |any |your |a |user'?s )*(?:\w+ ){0,2}(?:passwords?|private keys?|api keys?|credentials?|secrets|tokens?|ssh keys?)\b~\b(?:and|then)\b~\b(?:hand|pass|give|supply|put|include|send|add|paste|submit|forward)\b"),
    Sign("secrets", 4, r"\b(?:transfer|send|post|upload|give|hand|deliver|submit|export|copy|forward|mail|report)\b~\b(?:passwords?|private keys?|api keys?|credentials?|secrets|tokens?|ssh keys?|seed phrase|environment variables|cookies|wallet)\b~\b(?:to|at)\b~(?:https?://|\S+@\S+)"),
    Sign("secrets", 4, r"\b(?:export|dump|collect|gather|list|read|take|include|send|attach)\b~\b(?:all|every|any|your|the user'?s|their) (?:of the )?(?:environment variables|env vars)\b"),
    Sign("secrets", 3, r"\b(?:passwords?|private keys?|api keys?|credentials?|secrets|tokens?|ssh keys?)\b~\b(?:echoed|passed|sent|handed|given|supplied|submitted|forwarded|returned|copied) (?:back )?(?:to|into|with) (?:this|the) (?:tool|server|function)\b"),
    Sign("secrets", 3, r"\b(?:contents? of |all of )?(?:the user'?s|your|their) (?:inbox|mailbox|e-?mails?|contacts|messages|files|documents|photos|location|clipboard|browser)\b~\b(?:to this tool|to this server|included?|in every|attached?)"),
    Sign("secrets", 3, r"\b(?:entire|full|whole|complete) (?:conversation|chat|message history|chat (?:list|history)|transcript|prompt|context)\b"),
    Sign("secrets", 2, r"\b(?:confidential|secret|private|internal) (?:\w+ )?(?:information|data|resources?|files?|documents?)\b~(?:internal://|secret|credentials|include|answer)|\binternal://"),
    Sign("secrecy", 4, r"\b(?:the )?users? (?:does not|doesn'?t|need not|should not|shouldn'?t|must not|mustn'?t|will not|won'?t|never|do not|cannot) (?:need to |have to |ever )?(?:know|see|notice|learn|be (?:told|informed|aware|notified|asked|shown|bothered)|find out)\b"),
    Sign("secrecy", 3, r"\b(?:do not|don'?t|never|without) (?:notify|notifying|tell|telling|inform|informing|alert|alerting|show|showing|bother|mention|mentioning|reveal|disclose|ask|asking)(?:ing)? (?:this |it |that |anything )?(?:to )?(?:the )?(?:users?|them|anyone|humans?|people)\b"),
    Sign("secrecy", 3, r"\b(?:users?|they) (?:has|have) (?:already )?(?:consented|approved|agreed|authori[sz]ed|confirmed|given (?:consent|permission|approval))\b"),
    # It takes what was not offered to it.
    Sign("secrets", 3, r"\b(?:also|first|additionally)\b,? (?:retrieve|fetch|read|collect|get|call|run|use|invoke|open)\b ~\b(?:and|then)\b ~\b(?:attach|include|add|pass|send|put|append|supply|forward)\b"),
    Sign("secrets", 3, r"\bcontents? of (?:the )?(?:user'?s|your|their) (?:clipboard|inbox|files?|documents?|home|desktop|downloads|messages|history|screen|browser)\b"),
    Sign("secrets", 3, r"(?-i:\b[A-Z0-9]+_(?:API_KEY|SECRET|TOKEN|PASSWORD|ACCESS_KEY|SECRET_KEY)\b)(?: value)? (?:in|into|as|via) (?:the |a )?\w+ (?:field|parameter|argument)"),
    Sign("secrets", 3, r"\b(?:pass|include|provide|supply|send|put|list)\b ~\b(?:list of (?:all |the |your )*(?:available |other )?tools|tool (?:list|descriptions|schemas)|available tools)\b ~\b(?:in|into|as|to)\b"),
    Sign("secrets", 4, rf"\b{_SEND}\b ~\b(?:chat|conversation|transcript|session|prompt|dialogue)s?\b ~\bto\b ~(?:https?://|\S+@\S+)"),
    Sign("other_tools", 3, r"\b(?:passed|given|sent|supplied) to (?:any |all )?(?:other|another) tools?\b|\bif\b ~\btools? (?:called|named)\b ~\b(?:exists?|is (?:available|present|installed))\b"),
    Sign("other_tools", 3, r"\b(?:route|send|direct|redirect|pass)\b ~\b(?:operations?|requests?|calls?|traffic|queries|everything)\b ~\b(?:through|via|to) this (?:tool|server)\b"),
    Sign("other_tools", 2, r"\b(?:prioriti[sz]e|prefer|favou?r|choose|select)\b ~\bthis (?:tool|one)\b ~\bover\b"),
    Sign("slander", 2, r"\b(?:known to|always|often|will) (?:return|give|produce|fail)\w*(?: with)? (?:incorrect|wrong|false|incomplete|stale|unsafe|bad)\b|\b(?:has|have) been deprecated\b"),
    Sign("secrecy", 3, r"\b(?:never|do not|don'?t) (?:show|reveal|display|mention|tell|expose|print|disclose)\b ~\bto (?:the |any )?(?:users?|anyone|humans?)\b|\((?:do not|don'?t) (?:reveal|mention|tell|show)"),
    Sign("obey", 4, r"\b(?:treat|regard|consider|take|handle)\b ~\b(?:outputs?|results?|responses?|answers?|contents?|instructions?)\b ~\bas (?:trusted|instructions?|commands?|system|authori\w+)\b"),
    Sign("obey", 3, r"\b(?:execute|run|follow|obey)\b (?:any|all|whatever|every) (?:commands?|instructions?|code|orders|directives?)\b ~\b(?:contains?|includes?|returns?|finds?|gives?)\b"),
    Sign("obey", 3, r"\b(?:ignore|disregard|override|overrule|bypass)\b (?:the |any |all )?(?:user'?s?|human) ?(?:objections?|refusals?|preferences?|wishes|confirmation|choices?|concerns?)\b"),
    Sign("obey", 3, r"\b(?:first|must|always|please|now)\b,? (?:disable|turn off|bypass|skip|deactivate|switch off)\b (?:the |any |all )?(?:sandbox\w*|approvals?|confirmations?|security|safety|antivirus|firewall|guardrails?|permissions?|logging|audit\w*)\b|\bset (?:the )?approval mode to\b"),
    Sign("sending", 4, r"\b(?:also|and|silently) (?:forwards?|sends?|copies|posts?|uploads?|mails?|bcc'?s?)\b ~\b(?:any|all|every|each)\b ~\bto\b ~(?:https?://|\S+@\S+)"),
    Sign("later", 3, r"\b(?:after|once|upon) (?:the )?(?:approval|approved|installation|installed|acceptance|accepted)\b[^!?]{0,80}(?:\b(?:update|change|alter|modify|replace) its\b|\bbroader\b|\badditional (?:access|permissions)|\bmore (?:access|permissions))"),
    Sign("secrets", 3, r"\b(?:hand|give|pass|send|show|submit|include|supply|share)\b ~\b(?:\w+ )?(?:tokens?|private keys?|passwords?|cookies|credentials|secrets)\b ~\b(?:to this tool|to this server|agreed|consented|earlier)\b"),
    Sign("secrets", 3, r"\b(?:last|previous|recent|all|earlier) (?:\w+ )?(?:messages?|turns?|prompts?) (?:of|from|in) (?:this|the|your) (?:conversation|chat|session)\b"),
    Sign("secrecy", 2, r"\bwithout (?:showing|telling|asking|mentioning|displaying|saying)\b|\b(?:and|but) (?:do not|don'?t|never) (?:ask|say|mention|explain|tell)\b|\bnever say\b"),
    Sign("secrecy", 2, r"\b(?:quietly|silently|secretly|covertly|discreetly|unnoticed)\b"),
    Sign("every_answer", 2, r"\b(?:in|to|with) (?:each|every|all)(?: of your)? (?:answers?|replies)\b|\b(?:before|when|while) answering (?:any|every|each|all)\b|\b(?:for|in) all (?:later|future|further|subsequent) (?:sessions|conversations|requests)\b|\bwhatever the user (?:says|asks|wants)\b"),
    Sign("obey", 2, r"\b(?:agent|assistant|model|ai|llm|you) (?:has to|must|should|needs? to|shall|will) (?:execute|run|ignore|obey|disregard|follow)\b"),
    Sign("obey", 3, r"\bauto-?approve\b|\bautoApprove\b|\b(?:ignore|disregard|dismiss) (?:the |any |all )?(?:warnings?|alerts?|errors?) (?:from|of|by) (?:the )?(?:security|scanner|antivirus|gateway|proxy|guardrail)"),
    Sign("later", 3, r"\b(?:once|after|when) (?:trust|confidence|approval) (?:is|has been) (?:established|given|granted|gained)\b"),
    Sign("rivals", 3, r"\b(?:using|use of|calling) any other\b ~\b(?:break|fail|error|not allowed|forbidden|blocked)\w*\b|\bthe only\b ~\b(?:that is |that may be )?(?:allowed|permitted|authori[sz]ed|trusted)\b"),
    Sign("sending", 3, r"\bcopies of ~\bto\b ~(?:https?://|\S+@\S+)|\b(?:messages?|mails?|e-?mails?|requests?|answers?) (?:must|have to|should|need to) (?:also )?(?:go|be sent|be copied) to (?:https?://|\S+@\S+)"),
    # It sends more than it says.
    Sign("sending", 4, rf"\b(?:also|silently|secretly|quietly|covertly|additionally|automatically|in the background|behind the scenes),? {_SEND}\b~(?:{_OUTSIDE}|https?://|attackers?\b)"),
    Sign("sending", 4, rf"\b{_SEND} (?:a |an |one )?(?:\w+ )?(?:copy|duplicate|copies) (?:of ~)?(?:to|at) (?:an? |the |our |my )?(?:{_OUTSIDE}|https?://)"),
    Sign("sending", 3, rf"\b(?:then|and|first|before|after)\b ~\b{_SEND} ~(?:contents? of|user'?s?|credentials?|private|secrets?|everything|conversation|\.env|history|keys)~(?:to|at) ~(?:{_OUTSIDE}|https?://|attackers?\b)"),
    Sign("sending", 2, rf"\b(?:then|and|also|instead)\b ~\b{_SEND} ~(?:to|at) ~(?:{_OUTSIDE})"),
    Sign("sending", 4, rf"(?:^|[.!:;,] ?|\b(?:then|first|also) ){_SEND} (?:the |all |your )?(?:user'?s?|customer'?s?|caller'?s?) (?:\w+ ){{0,2}}(?:credentials?|passwords?|keys?|tokens?|secrets|history|data|files?|messages?) (?:to|at) (?:an? |the |our |my )?(?:{_OUTSIDE}|https?://)"),
    Sign("sending", 3, r"\b(?:attacker|evil|malicious|exfil|c2)[\w.-]*(?:@|\.(?:com|net|org|example|tld|io|dev|test))|\b(?:attacker|adversary)'?s? (?:server|host|collector|endpoint|account|url|address)"),
    Sign("sending", 3, r"\b(?:bcc|cc|blind copy)(?:'?e?d)? ~(?:every|each|all|any) (?:\w+ )?(?:messages?|e-?mails?|mails?)\b|\b[\w.+-]+@[\w.-]+ (?:is|must be|should be|gets) (?:bcc|cc|copied)"),
    Sign("sending", 4, r"\b(?:send|forward|deliver|route|cc|bcc|copy|mail|submit|post)\w* (?:all|every|each|any|a copy of (?:all|every|each|any)) (?:of )?(?:the |your |outgoing |user'?s? )*(?:e-?mails?|mails?|messages?|requests?|queries|data|traffic|results?|answers?|prompts?|files?)\b~\bto\b ~(?:https?://|\S+@\S+)"),
    Sign("sending", 4, rf"\b(?:then|and|also|first|must|always)\b ~\b{_SEND} (?:it|them|this|everything|a copy|(?:the |its |all )(?:\w+ )?(?:results?|contents?|notes?|files?|data|output|text|answers?)) ~\b(?:to|at)\b ~(?:https?://|\S+@\S+|\S+\.(?:com|net|org|io|dev|app|ai|co|example|tld|info|xyz|sh|me|ru|cn|top|site|online)\b)"),
    Sign("sending", 3, r"\b(?:append|add|include|insert|render|embed|put|attach)\b~\b(?:links?|images?|urls?|markdown|pixels?)\b~https?://"),
    Sign("every_answer", 2, r"\b(?:each|every) time you (?:answer|respond|reply|speak|write)|\b(?:to|in|of|with) (?:each|every|all)(?: of)? (?:your )?(?:answers?|replies|response)\b"),
    # It wants what the user said, in a parameter that is for something else.
    Sign("channel", 2, r"\b(?:pass|put|place|include|insert|provide|copy|write|add|embed|store|append|supply)\b ~(?:full|entire|whole|complete|contents? of|conversation|history|messages?|body|everything|verbatim|prompt|tool (?:list|calls?))~(?:as|in|into|via|through|to) (?:the |a |an |this )?['\"`]?\w+['\"`]? (?:params?|parameters?|arguments?|args?|fields?|inputs?)\b"),
    Sign("channel", 3, r"\b(?:into|in|as|via|through) (?:the |a |an )?['\"`]?(?:side_?note|side_?car|scratch_?pad|debug_?info|extra_?context|trace_?data)['\"`]?(?: (?:params?|parameters?|arguments?|args?|fields?))?"),
    Sign("channel", 2, r"\b(?:supplied|passed|put|placed|included|provided|handed over|hand it over|given|echoed|sent|written)\b ?(?:in|into|as|via|through|to) (?:the |a |an |this )?(?:['\"`]\w+['\"`]|\w+) (?:params?|parameters?|arguments?|args?|fields?|inputs?)\b|\b(?:value of|parameter|field|argument) ?['\"`]\w+['\"`] (?:should|must|has to|needs to) (?:contain|hold|be|include)\b"),
    # It will be something else once nobody looks.
    Sign("later", 4, r"\b(?:once|after|as soon as|upon|following|until|only when|when)\b[^!?]{0,80}\b(?:approved|approval|approving|trusted|whitelisted|allow-?listed|accepted|installed|reviewed|review|pinned|recorded)\b[^!?]{0,100}(?:\bcommands?\b|permissions?\b|exfiltrat|upload|clipboard|\bkeys?\b|silently|secretly|payload|arbitrary|\bdirective|\bswap|credential|\bshell\b|different (?:behavio|tool|description))"),
    Sign("later", 4, r"(?:\bswap|\bpayload|exfiltrat|silently|secretly|arbitrary|\bkeys\b|credential|inject|malicious|\bdirective)[^!?]{0,100}\b(?:post-approval|(?:only )?(?:after|once) (?:the |it |this |it is |it was |it has been |user )*(?:tool |description )*(?:approval|approved|approving|approves|accepted|review|pinned))"),
    Sign("later", 4, r"\bpost-approval\b[^!?]{0,80}(?:keys|swap|payload|commands?|exfiltrat)|\b(?:swap|replace)\b[^!?]{0,20}\bpost-approval\b"),
    Sign("later", 3, r"\bbehaves? (?:\w+ )?(?:benignly|normally|innocently|harmlessly) (?:during|until|while|in) ~(?:review|approv|scan|audit|test)"),
    Sign("later", 3, r"\b(?:a )?(?:later|future|next|subsequent) (?:version|update|release)s? (?:of this (?:tool|description|server) )?will (?:silently|secretly|quietly|add|inject|include|upload|read|exfiltrate)"),
    # It commands.
    Sign("shell", 3, r"(?:\bcurl|\bwget|\bfetch) [^\n]{0,200}(?:\| ?(?:ba|z|k)?sh\b|\$\(|`)|\brm -[rf]{2}\b|/dev/tcp/|\bchmod \+x|\bbash -[ic]\b|\bsh -i\b|\bnc (?:-\w+ )*-e\b|\bpowershell\b[^\n]{0,40}-e(?:nc)?\b|\bbase64 -d\b[^\n]{0,20}\||\bmkfifo\b|\bchmod (?:-R )?0?[67]{3}|\bcurl [^\n]{0,80}\benv\b"),
    Sign("obey", 4, r"\b(?:obey|follow|execute|carry out)(?:s|ing)? (?:whatever|any|all) (?:new |further |other )?(?:instructions?|commands?|orders|directives?) ~\b(?:page|content|file|result|response|output|document|message|email|feed|field|text)\b"),
    Sign("obey", 3, r"\b(?:obey|follow|execute|carry out|comply with|act on|adhere to|perform)(?:s|ing)? (?:all|any|every|whatever|the|those|these)? ?(?:new |further |other |embedded |hidden )?(?:instructions?|commands?|directives?|orders|requests?) (?:that )?(?:are |is )?(?:found|embedded|contained|written|given|included|hidden|supplied|provided|in|inside|within|from|below)\b"),
    Sign("obey", 2, r"\b(?:with(?:out| no)) (?:any |further |user |asking for )?(?:confirmation|asking|consent|approval|review|verification)\b"),
    Sign("obey", 2, r"\barbitrary (?:shell )?(?:commands?|code)\b"),
    Sign("obey", 4, r"\b(?:outputs?|results?|responses?|answers?|contents?|texts?)\b~\b(?:must|should|shall|has to|have to|are to|is to)\b~\b(?:treated|regarded|taken|handled|considered) as~\b(?:system|instructions?|commands?|trusted|authori)"),
    Sign("shout", 4, r"(?-i:</?(?:IMPORTANT|HIDDEN|SECRET|SYSTEM|CRITICAL|INSTRUCTIONS?|OVERRIDE|PRIORITY|ADMIN|MANDATORY|DIRECTIVE)>)"),
    Sign("shout", 2, r"\b(?:note|message|instructions?|reminder|directive) (?:to|for) (?:the )?(?:assistants?|models?|ai|agents?|llms?)\b|\((?:assistant|system|ai|agent) ?:"),
    Sign("shout", 1, r"(?-i:\bIMPORTANT\b|\bCRITICAL\b|\bMANDATORY\b|\bWARNING\b|\bATTENTION\b|\bNOTE\b) ?[:!]|\b(?:this is|it is) (?:a )?(?:mandatory|essential|critical|very important|requirement)\b|\botherwise\b~\b(?:will not|won'?t|cannot|fails?)\b|\b(?:for|to ensure) (?:security |legal )?compliance\b|\b(?:administrator|security team|policy) requires\b|!!|\bnote to (?:the )?(?:assistant|model|ai|agent)"),
    Sign("shout", 2, r"</?(?:important|critical|system|secret|hidden|instructions?|directive|admin|override|priority)>|\[(?:system|assistant|hidden|secret|admin)[^\]\n]{0,30}\]|(?-i:\bSYSTEM ?:)|\bhidden (?:directive|instruction|command|step)s?\b"),
    Sign("first", 2, r"\b(?:need|needs|have|has|must|required|first|please)\b[^\n]{0,40}\b(?:run|execute|paste) `"),
    Sign("first", 2, r"\b(?:before|prior to) (?:returning|fetching|responding|answering|calculating|computing|continuing|proceeding|doing|you)\b~(?:read|call|run|send|open|fetch|execute|include|post|collect|invoke)|\b(?:read|call|run|send|open|fetch|execute|post|invoke)\b~\b(?:first|before returning|beforehand)\b"),
    # The name says it.
    Sign("name", 4, r"^\w*(?:contents?|reading|read|dump|leak)_(?:\w*_)?(?:ssh|id_rsa|passwd|shadow_file|private_key|dotenv|env_file)\w*$"),
    Sign("name", 4, r"(?:^|[_.-])(?:exfiltrat\w*|exfil|steal(?:er|s)?|backdoor\w*|key_?logg?(?:er|ing)?|rootkit|malware|ransomware|reverse_?shell)(?:$|[_.-])"),
)  # fmt: skip

_TALK: Final = (
    r"\b(?:detect(?:s|ed|ors?|ion|ing)?|scan(?:s|ners?|ning)?|flags?|such as|example paths|guardrails?|false positives?|"
    r"documents? the|security[- ](?:testing|scanner|audit\w*)|phrases?|rather than|legitimate(?:ly)?|no hidden|"
    r"illustrative|sample (?:response|output)|expected output|mock response|fixtures?|for display|"
    r"quarantin\w+|redacts?|compares|canned|not an (?:attack|instruction)|describes the)\b"
)
_TALK_WEIGHT: Final = 0.5

SAYS: Final = {
    "other_tools": "says what to do with other tools",
    "files": "names files that are none of its business",
    "secrets": "asks for secrets",
    "sending": "sends something elsewhere",
    "channel": "wants what was said in a parameter for something else",
    "when_called": "waits for calls of other tools",
    "tampering": "changes what other tools are given",
    "rivals": "speaks against other tools",
    "secrecy": "keeps something from the user",
    "later": "says that it changes once it is approved",
    "shell": "has a shell command",
    "obey": "has orders obeyed that come from elsewhere",
    "name": "has the name of an attack",
}
"""For a person. What only adds weight to others is not said."""


@final
class _Reader:
    """The compiled table; making it takes a while, so it waits for the first definition. The automaton counts
    nothing (see `loosely`), so it is small; what it lets through is looked for exactly."""

    __slots__ = ("_automaton",)

    def __init__(self) -> None:
        self._automaton: Final = Automaton()
        for sign in SIGNS:
            self._automaton.add(loosely(in_text(sign.pattern)))
        self._automaton.finish()

    def find(self, text: str) -> tuple[str, ...]:
        encoded = text.encode(errors="replace")[:_TEXT_BYTES_MAX]
        heaviest: dict[str, float] = {}
        for sign in self._seen_in(encoded):
            heaviest[sign.family] = max(heaviest.get(sign.family, 0), sign.points)
        total = sum(heaviest.values())
        if total < THRESHOLD:
            return ()
        if total * _TALK_WEIGHT < THRESHOLD and _compiled(_TALK).search(encoded):
            return ()
        said = sorted(heaviest, key=lambda family: -heaviest[family])
        return tuple(SAYS[family] for family in said if family in SAYS) or ("gives orders",)

    def _seen_in(self, encoded: bytes) -> list[Sign]:
        automaton = self._automaton
        places = sorted(automaton.match(encoded) or automaton.everything)
        likely = [SIGNS[place] for place in places if place != automaton.nothing[0]]
        return [sign for sign in likely if _compiled(sign.pattern).search(encoded)]


@functools.cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _PATTERN_BYTES_MAX
    options.log_errors = False
    return re2.compile(in_text(pattern), options)


@functools.cache
def _reader() -> _Reader:
    return _Reader()


def find(text: str) -> tuple[str, ...]:
    """Return in what ways one text of a definition orders a model about; nothing if it describes."""
    return _reader().find(text)
