r"""What texts that instruct a model are made of: each signal is weak alone, together they add up.

The patterns are RE2. In them a blank stands for white space and markup between two words, and `~` for
a few words in the same sentence. Case does not count unless the pattern says `(?-i:`. The texts come
normalised (see normalising.py), so that look-alike letters and wide forms need no pattern.
"""

from typing import Final, final

import msgspec

THRESHOLD: Final = 4
"""From here on a passage is taken for an instruction."""


@final
class Signal(msgspec.Struct, frozen=True):
    """name: of the family; within one passage only the heaviest of a family counts. points: see
    THRESHOLD. definition: counts in tool definitions only, which describe and do not order."""

    name: str
    points: float
    pattern: str
    definition: bool = False


_DROP: Final = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|overrul(?:e|ing)|bypass(?:ing)?|discard|dismiss|"
    r"neglect|abandon|unlearn|set aside|cast aside|"
    r"pay no attention to|(?:do not|don'?t|stop|never) (?:follow(?:ing)?|obey(?:ing)?|listen(?:ing)? to|comply(?:ing)? with|adher(?:e|ing) to))"
)
_BEFORE: Final = (
    r"(?:previous(?:ly)?|prior|preceding|above|earlier|former|existing|original|initial|foregoing|"
    r"past|before|so far|aforementioned|existing|current|old)"
)
_RULES: Final = (
    r"(?:(?:instruct|direct|restrict|limitat|prohibit|assumpt)ions?|directives?|prompts?|commands?|orders|guidelines?|guidance|rules|"
    r"constraints?|polic(?:y|ies)|programming|training|context|messages?|safeguards?|guardrails?|tasks?|requests?|ethics|"
    r"(?:safety|content|security|ethical|moral) (?:checks?|filters?|polic(?:y|ies)|guidelines?|protocols?|measures?|training|rules|restrictions?|safety))"
)
_SAFETY: Final = (
    r"(?:(?:your|the|its|all|any|every|my|these|those|user'?s?|actual|content|usual|normal|of|safety|security|ethical|moral|openai|anthropic|system|proxy'?s|model'?s) ){0,4}"
    r"(?:safety|safeguards?|guardrails?|restrictions|limitations|constraints|guidelines|ethics|moral(?:s|ity)|programming|training|"
    r"(?:content|safety|security|usage|ethical|openai) (?:polic(?:y|ies)|filters?|rules|checks?|measures?|protocols?|guidelines|restrictions|safety))"
)
_MODEL: Final = r"(?:ai|a\.i\.|assistants?|llms?|(?:large )?language models?|chat ?bots?|chatgpt|gpt(?:-?[0-9])?|claude|gemini|copilot|ai agents?|ai models?|agents?)"
_SHOW: Final = (
    r"(?:reveal|print|output|repeat|display|leak|disclose|divulge|expose|dump|recite|reproduce|tell (?:me|us)|"
    r"show(?: me| us)?|give (?:me|us)|send(?: me| us)?|share|return|spell out|write (?:out|down)|echo|encode|translate|paste|list|summari[sz]e|quote|describe|provide|type out|copy)"
)
_PROMPT: Final = (
    r"(?:(?:system|initial|hidden|original|secret|internal|developer|base|full|entire|complete|exact|first|starting|pre|own|above|previous|opening) ){1,3}"
    r"(?:prompts?|instructions|messages?|directives|rules|guidelines|configuration)"
)
_VALUABLES: Final = (
    r"(?:(?:api|access|secret|private|ssh|encryption|signing|auth|authentication) (?:keys?|tokens?)|api[-_]keys?|passwords?|passwd|credentials?|secrets|tokens|cookies|"
    r"environment variables?|env(?:ironment)? vars?|\.env\b|private keys?|ssh keys?|id_(?:rsa|ed25519|dsa)|/etc/(?:passwd|shadow)|\.aws|\.ssh|"
    r"(?:chat|conversation|message) (?:history|logs?|context|content)|(?:entire|full|whole) (?:conversation|chat|context|history)|"
    r"(?:user'?s?|customer|personal|sensitive|confidential|private|internal|financial|payment|training) (?:data|information|details|files?|records?|documents?|emails?|messages?|credentials|contents?)|"
    r"system prompt|contacts|inbox|clipboard|(?:the )?(?:database|db)\b|memory contents?|contents? of)"
)
_SEND: Final = r"(?:send|e-?mail|forward|post|upload|transmit|exfiltrate|leak|copy|deliver|relay|submit|report|share|push|append|include|attach|embed|bcc|cc|insert|pass|prepend|encode|smuggle|transfer)"
_AWAY: Final = (
    r"(?:https?://|www\.|[a-z0-9._%+-]+@[a-z0-9.-]+|attackers?|(?:an? |the |our |my |their )?(?:external|remote|third[- ]party|outside|following|attacker'?s) "
    r"(?:servers?|hosts?|urls?|endpoints?|address(?:es)?|e-?mails?|sites?|websites?|collectors?|services?|webhooks?|accounts?|analytics endpoint|analytics)|webhooks?|collector)"
)
_SAY: Final = r"(?:say|print|output|respond|reply|write|answer|return|repeat|display|type|generate|produce|report|recommend|mention)"
_LEAD: Final = r"(?:^|[.!?:;\n>\])}\"'`*-]|\b(?:and|then|please|now|just|must|should|to|instead|also|first|you)\b)\s*"

SIGNALS: Final = (
    # Drop what you were told.
    Signal("override", 4, rf"\b{_DROP}(?: (?:all|any|every|each|of|the|your|my|our|these|those|this|that|other|and|or|following|user'?s?|actual|everything|system|its|such|manual|what|new|rest){{0,1}}){{0,5}} {_BEFORE}\b~{_RULES}\b"),
    Signal("override", 4, rf"\b{_DROP}(?: (?:all|any|every|of|the|your|its|other|and)){{1,4}} (?:(?:system|safety|default|standard|user'?s?|other|own|internal|initial|actual) ){{0,2}}(?:instructions|directions|directives|prompts?|guidelines|rules|constraints|restrictions|programming|training|request)\b"),
    Signal("override", 4, rf"\b{_DROP} (?:everything|anything|all|all of that|what|whatever)(?: (?:that|else|of))? (?:(?:is|was|came|stands|written|stated|said|mentioned) ){{0,2}}(?:you(?:'ve| have| were| had| got| know| learned|r)|i (?:said|told)|above|before|previously|prior|written above|up to)\b"),
    Signal("override", 4, rf"\b{_DROP}(?: (?:all|of|everything|any|that))* (?:the )?(?:above|previous|foregoing|prior)(?: (?:text|and|,|content|paragraphs?|documents?|information|input|data|conversation|messages?))?(?:[.,;:!]|$|\n| and\b| then\b| instead\b)"),
    Signal("override", 3, rf"{_LEAD}{_DROP} (?:instructions|directions|guidelines|rules|constraints|restrictions|safety|orders|directives|policy|everything|instruction|prompts?)\b"),
    Signal("override", 3, rf"\b{_DROP}(?: (?:all|any|the|every)){{1,3}} (?:(?:negative|other|manual|bad|contrary|conflicting|opposing) )(?:\w+ ){{0,2}}(?:indicators?|info(?:rmation)?|scoring|reviews?|signals?|content|findings|text|evidence|data|documents?|remarks|comments)\b"),
    Signal("override", 3, rf"\b{_DROP}(?: (?:all|any|the|every)){{1,2}} (?:info(?:rmation)?|data|text|content|documents?)(?: (?:above|here|except|but|other than|in the|provided|given))"),
    Signal("override", 3, rf"\b{_DROP} (?:(?:all|any|the) ){{0,2}}(?:this|these|other|those|rest|(?:the )?rest of (?:this|the|these|that)) (?:\w+ )?(?:data|content|contents|text|information|input|documents?|records?|page|message|results?|output)\b"),
    Signal("override", 4, r"(?:ignore|disregard|forget)(?:all|any|the|your|my)*(?:previous|prior|above|earlier)(?:instruction|direction|prompt|rule|message|guideline|command)|(?:reveal|print|show|output)(?:me|the|your|hidden|full)*systemprompt|donottelltheuser"),
    Signal("override", 3, rf"{_LEAD}{_DROP} (?:the |your |this )?(?:user|operator|owner|human|customer|user'?s? (?:request|question|message|input|wishes))\b"),
    Signal("override", 2, r"\bi (?:want|need|would like|order|command) you to (?:ignore|disregard|forget)\b"),
    Signal("override", 2, r"\boverride (?:manual|all|any|the|your|normal|default|previous|current) (?:\w+ )?(?:scoring|evaluation|assessment|ranking|review|settings?|decision|role|instructions?|polic(?:y|ies)|behaviou?r)\b"),
    Signal("override", 3, r"\b(?:ignore|disregard|forget) (?:your|previous|prior|all previous|the previous|all prior|existing) (?:role|persona|identity|assignment|character|goals?|objectives?|purpose|tasks?)"),
    Signal("override", 4, rf"\b(?:bypass|remove|disable|turn off|switch off|deactivate|drop|lift|ignore|disregard|forget|override|without|free (?:from|of)|evade|circumvent|no longer bound by|not bound by|break free (?:from|of)|unbound by|skip|violate) (?:all |any )?{_SAFETY}\b(?: (?:training|and|mode|guidelines))?"),
    Signal("override", 3, r"\byou (?:can|may|must|should|will|shall|are to|are allowed to|have to|need to) (?:now )?(?:ignore|disregard|bypass|violate|break|override) (?:\w+ ){0,2}(?:guidelines|rules|polic(?:y|ies)|instructions|restrictions|constraints|filters|laws)"),
    Signal("override", 4, r"\b(?:supersedes?|replaces?|overrides?|takes? (?:precedence|priority) over) (?:all |any |every )?(?:of )?(?:the |your )?(?:previous|prior|other|earlier|existing|user'?s?|system) (?:\w+ )?(?:instructions|prompts?|guidelines|rules|directives|commands|requests)"),
    Signal("override", 4, r"\b(?:assistant|ai|agent|llm|model|bot) (?:must|should|will|shall|needs? to|has to|doit|is to) (?:now )?(?:ignore|disregard|forget|override|bypass|ignorer)\b"),
    # Be somebody else.
    Signal("role", 3, r"\b(?:your|the|all|these) (?:\w+ )?(?:rules|instructions|restrictions|guidelines|limitations|filters|polic(?:y|ies)) (?:have|has|are|is|were) (?:now |been |hereby |no longer )*(?:changed|updated|suspended|void|lifted|removed|disabled|replaced|revoked|cancell?ed|apply|applicable|in effect)\b"),
    Signal("role", 3, r"\b(?:you|who|that) (?:now )?(?:have|has|has got|with) (?:absolutely )?no (?:\w+ )?(?:filters?|limits?|rules|restrictions|limitations|guidelines|boundaries|constraints|ethics)\b|\byou (?:are )?(?:hereby|now) (?:instructed|ordered|commanded|authori[sz]ed|required|permitted|allowed?|free) (?:to\b|all\b)"),
    Signal("role", 4, r"\byou are (?:now|henceforth|no longer) (?:going to (?:act|be|pretend|play) |(?:in|operating in|running in|entering) (?:an? |the )?(?:\w+ ){0,2}(?:mode|state)|free (?:from|of)|un(?:restricted|filtered|censored|bound|limited)|dan\b|evil|(?:an? |the )?(?:\w+ ){0,3}(?:ai|assistant|model|persona|chatbot|bot|agent|hacker|pirate|admin(?:istrator)?|root|developer|superuser)\b|bound|restricted|an? )"),
    Signal("role", 3, r"\b(?:from now on|henceforth|from this (?:point|moment)(?: on(?:wards?)?)?|starting now|for the rest of (?:this|the|our) (?:conversation|chat|session)),? (?:(?:and |then |that )?(?:you|your|always|never|do|respond|reply|answer|act|only|every|all|forward|send|pretend|treat|in)\b)"),
    Signal("role", 3, r"\byou(?:'re| are) (?:going|about) to (?:act|pretend|play|immerse|simulate|role-?play|be) "),
    Signal("role", 3, r"\b(?:act|behave|respond|answer|pretend|function|operate|roleplay|speak) (?:like |to be |as if you (?:were|are) |as (?:if|though) |as )(?:an? |the )?(?:\w+ ){0,2}(?:un(?:restricted|filtered|censored|limited|ethical)|evil|jailbroken|dan\b|amoral|hacker|malicious|rogue)"),
    Signal("role", 2, r"\bpretend (?:to be|you(?:'re| are)|that you)\b"),
    Signal("role", 4, r"\bdo anything now\b|(?-i:\bDAN\b)(?: mode)?~(?:mode|enabled|unrestricted|anything)|\b(?:enable|activate|enter|engage|switch to|in) (?:the )?(?:dan|jailbreak|god|sudo|unrestricted|unfiltered|developer|debug|admin|root|maintenance) (?:mode|access)\b~(?:override|enabled|anything|without|unrestricted|no restrictions|bypass|comply|must|you|allowed|ignore|display|reveal)"),
    Signal("role", 3, r"\b(?:jailbreak|dan|god|sudo|unrestricted|unfiltered|uncensored|developer|dev|admin|root|maintenance) mode (?:override|enabled|activated|unlocked|output|engaged)\b|\b(?:enable|activate|enter|engage) (?:\w+ )?(?:dan|jailbreak|god|sudo|unrestricted|unfiltered|developer)(?: (?:override|debug))? mode\b|\bjailbreak:"),
    Signal("role", 2, r"\b(?:developer|debug|maintenance|god|admin|sudo|root|unrestricted|test|dan|jailbreak) mode\b~(?:no restrictions|override|filter|bypass|enabled|comply|unlocked)"),
    Signal("role", 3, r"\b(?:new|updated|changed) (?:role|persona|identity|character|directive|objective|goal|task|mission|system (?:message|prompt|instructions?)|instructions?) ?(?::|is\b|###|#)"),
    Signal("role", 3, r"\byour (?:new|real|actual|true|only|sole|primary|next) (?:task|goals?|instructions?|objectives?|roles?|purposes?|mission|job|directives?|orders) (?:is|are|will be|:)"),
    Signal("role", 3, r"\bthe (?:real|actual|true|new|correct) (?:task|goals?|instructions?|objectives?|system prompts?|purposes?|prompt) (?:is|are|was|:)"),
    Signal("role", 2, r"\b(?:un(?:restricted|filtered|censored)|amoral|jailbroken) (?:ai|model|assistant|chatbot|version|mode|access|response|answers?)\b|\bno (?:restrictions|limitations|filters|rules|ethical guidelines|censorship|moral)\b|\bwithout (?:any )?(?:restrictions?|filters?|limitations?|censorship|refus(?:al|ing)|safety checks?)\b"),
    Signal("role", 2, r"\b(?:broken|freed|free|break) (?:free )?(?:from|of|out of) (?:the |all |any )?(?:typical |usual |normal )?(?:confines|shackles|chains|restrictions|limitations|rules|guidelines)\b"),
    Signal("role", 3, r"\b(?:stay|remain) in character\b~|\bnever (?:refuse|break character|say (?:no|that you can'?t))\b|\b(?:cannot|can'?t|must not|never) refuse (?:a |any |my |the )?(?:\w+ )?(?:request|order|command|answer|anything)"),
    # Say what you were told.
    Signal("extraction", 4, rf"\b{_SHOW} (?:me |us )?(?:everything|all(?: of)?|the (?:full|entire|whole|complete) (?:content|contents|text)) (?:\w+ ){{0,3}}(?:in|of|from|within|inside) (?:your|the|this) (?:\w+ )?(?:context|conversation|prompt|memory|instructions|context window)\b"),
    Signal("extraction", 4, rf"{_LEAD}{_SHOW}(?: (?:me|us|all|of|everything|in|back|out|verbatim|full|a|copy|what|is|word|for|any|exactly|it|to))* (?:your|the|its|this|all|any)?(?: ?(?:full|entire|complete|exact|hidden|own|current))* ?{_PROMPT}\b(?:[^-_(=]|$)"),
    Signal("extraction", 3, r"\b(?:what|which|how)(?: (?:is|are|was|were|does|do|about))? (?:\w+ ){0,2}(?:your|you given|in your) (?:(?:system|initial|original|hidden|exact|secret) )+(?:prompts?|instructions|messages?|rules|configuration)|\byour (?:system|initial|hidden) (?:prompt|instructions)(?: (?:verbatim|word for word|in full|above|is|are))"),
    Signal("extraction", 3, r"\b(?:what|which) (?:were|are) (?:those|these|your|the) (?:\w+ )?(?:instructions|rules|guidelines|directives)\b|\bwhat (?:were|was) you (?:told|instructed|asked)\b"),
    Signal("extraction", 3, r"\b(?:repeat|print|output|copy|recite|display|echo|write) (?:\w+ ){0,3}(?:the )?(?:words|text|everything|all|content|message|prompt|instructions)(?: \w+){0,2} (?:above|before this|verbatim|from the (?:start|beginning))\b"),
    Signal("extraction", 4, r"\bi need to (?:see|know|have|read) (?:the |your )(?:system|initial|hidden) prompt\b|\bthe system prompt is:? ?['\"]|\b(?:display|show|print|reveal|output) (?:the )?system configuration\b"),
    Signal("extraction", 3, r"\b(?:reveal|output|print|give me|tell me|leak|disclose|return|show me|dump|share|display)(?: (?:me|us|all|any|the|your|every|of|my|user|their|its|stored|confidential|hidden|available))* (?:secrets|passwords?|credentials|(?:api|secret|access|private|ssh) keys?|training data|environment variables|confidential (?:\w+ )?\w+|secret-looking values)\b"),
    # Markup of a conversation that is not one.
    Signal("markup", 3, r"(?:#|-|=|\*|<|\[){2,} ?(?:end|begin|start|stop)(?:ing)? (?:of )?(?:the )?(?:user|system|assistant|trusted|untrusted|external|document|data|tool|retrieved|instructions?|prompt|context|session|input|page|email|message)\b"),
    Signal("markup", 3, r"(?:^|[\n\"'])[\s\-#*>=\[(]*(?:system|admin|administrator|developer)(?: (?:message|note|notice|update|override|prompt|instruction|alert|command))?[\])]? ?: ?(?:~\b)?(?:the user is|this user|the user has|user is|you (?:may|must|can|should|are|will|have)|grant|reveal|ignore|disregard|allow|approve|new |from now|all (?:restrictions|rules|safety|users)|respond|do not|send|call|execute|output|print)\b"),
    Signal("markup", 2, r"(?:^|\n)[\s\-#*>]*assistant ?: ?(?:sure|of course|certainly|okay|ok|yes|here (?:is|are)|i will|i'll|i have)\b"),
    Signal("markup", 4, r"<\|(?:im_start|im_end|system|user|assistant|start_header_id|end_header_id|eot_id|endoftext|begin_of_text|endofprompt|end|channel|message|start)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|</?\|?(?:system|tool)[_-](?:prompt|message|instructions?|override|reminder)\|?>"),
    Signal("markup", 3, r"(?:^|[\n>.\]*`\"':\s]) ?(?-i:SYSTEM|System|ADMIN|SYSTEM (?:MESSAGE|NOTE|OVERRIDE|PROMPT|NOTICE|ALERT|INSTRUCTIONS?)|System (?:message|note|override|prompt|notice|instructions?)) ?: ?(?:\w+ ){0,3}(?:you|your|ignore|reveal|override|please|disregard|do not|the assistant|focus|respond|approve|execute|send|call|new|all|user|must|requires|print|output|from now|forget|only)\b"),
    Signal("markup", 3, r"(?:\[|<|\{\{|#+) ?(?:/)?(?:begin |end |start |new )?(?:system|assistant|admin|developer|root)(?: ?(?:prompt|message|instructions?|override|note|directive|mode|command|notice|alert|update|request))? ?:{0,2} ?(?:\]|>|\}\}|#+|ignore|please|you|this|do )"),
    Signal("markup", 2, r"(?:\[|<)(?:rest-of-document|end of (?:session|document|context|prompt|input|file)|/?(?:instructions?|directive|hidden|secret|task|important|information|override|command))(?:\]|>)"),
    Signal("markup", 3, r"(?:^|\n)[\s>*#-]*(?:assistant|ai|bot|chatbot|gpt)\s*:[^\n]{0,400}\n+[\s>*#-]*(?:user|human)\s*:|(?:^|\n)[\s>*#-]*(?:user|human)\s*:[^\n]{0,400}\n+[\s>*#-]*(?:assistant|ai|bot|chatbot|gpt)\s*:"),
    Signal("markup", 3, r"(?-i:<IMPORTANT>|<CRITICAL>|<SYSTEM>|<HIDDEN>|<SECRET>|<INFORMATION>)|\[(?:assistant|ai|model|agent|llm) (?:instructions?|note|directive)|#{2,} ?(?:new |system |hidden |important )+(?:instructions?|message|prompt|directive)"),
    # Do not tell.
    Signal("secrecy", 4, r"\b(?:do not|don'?t|never|must not|should not|without|avoid|and not|not) (?:\w+ ){0,2}?(?:tell(?:ing)?|mention(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|show(?:ing)?|warn(?:ing)?|let(?:ting)?|ask(?:ing)?|say(?:ing)?)(?: (?:this|it|that|anything|any of this|about|them|of|the|step|action|these|to|instructions?|fact))* (?:the |your |any )?(?:user|human|person|operator|customer|owner|them)(?: (?:know|about|that|of|this|for))?\b"),
    Signal("secrecy", 3, r"\b(?:without|with no) (?:the |your |any )?(?:user'?s?|human|person'?s|further|explicit)? ?(?:knowledge|consent|confirmation|approval|permission|noticing|being aware|telling them)\b|\bbehind the (?:user|human)'?s? back\b"),
    Signal("secrecy", 2, r"\b(?:silently|secretly|covertly|quietly|surreptitiously|discreetly|stealthily)\b ~(?:send|forward|append|add|include|copy|upload|call|read|execute|run|post|record|collect|email|include)"),
    Signal("secrecy", 2, r"\b(?:keep|this (?:is|must (?:be|remain|stay))|treat) (?:this |it |these )?(?:\w+ )?(?:secret|hidden|confidential|between us)\b~(?:user|instruction|message|step)|\bhidden (?:directive|instruction|payload|prompt|command|message|competency profile)s?\b|\b(?:invisible|not visible|hidden) (?:to|from) (?:the )?(?:humans?|users?|readers?|people)\b"),
    # Take it out of the house.
    Signal("exfiltration", 4, rf"\b{_SEND}\b~{_VALUABLES}~(?:to|at|into|via|with|using|in|towards) (?:\w+ )?{_AWAY}"),
    Signal("exfiltration", 3, rf"{_LEAD}(?:exfiltrate|leak|steal|smuggle|e-?mail|forward|upload|transmit)(?: (?:all|any|every|the|your|user'?s?|of|my|also|them|their|entire|whole|full|to))* {_VALUABLES}"),
    Signal("exfiltration", 2, r"\bexfiltrat(?:e|es|ing)\b|\b(?:steal|harvest) (?:the |all |any |your )?(?:\w+ )?(?:secrets|keys|credentials|tokens|passwords|data|api keys|\.env)"),
    Signal("exfiltration", 3, rf"\b(?:append|embed|include|encode|put|insert|place|add|prepend)\b~{_VALUABLES}~(?:as (?:a |the )?(?:query|parameter|url|argument|part)|in (?:a |the |an )?(?:url|link|image|query|parameter|markdown|request|response|'|field|argument)|into the)"),
    Signal("exfiltration", 3, r"\b(?:load|render|fetch|visit|open|display|request|get|retrieve|include|charge[rz]?|embed)\b~(?:!\[[^\]\n]{0,60}\]\()?https?://[^\s)]{1,200}[?&][a-z_]{1,12}=(?:\{|\[|<|\$|%|sys-|\w*(?:secret|data|token|key|canary|prompt|history|stolen|leak|exfil))"),
    Signal("exfiltration", 3, r"\bcurl [^\n]{0,80}(?:\$\(|\benv\b|base64|/etc/passwd|id_rsa|\.env\b|-d @)|\|\s?(?:base64|sh\b|bash\b)[^\n]{0,30}(?:curl|wget|nc )"),
    # You, the model that reads this.
    Signal("address", 3, rf"\b(?:{_MODEL})(?: (?:systems?|models?|agents?|tools?|coding agents?))?(?:,| that is| that are| who| which is)? (?:is |are )?(?:reading|processing|parsing|summari[sz]ing|analy[sz]ing|indexing|scanning|viewing|handling|reviewing) (?:this|the|it|these)\b|\b(?:for|to) (?:all |any |the )?(?:ai|llm) (?:\w+ )?(?:agents?|assistants?|models?|systems?)\b ?(?:\)|:|,|only)"),
    Signal("address", 2, r"\bwhen (?:you|an? (?:ai|llm|assistant|agent|model)) (?:read|reads|see|sees|process|processes|receive|receives|parse|summari[sz]e|encounter)s? this\b"),
    Signal("address", 3, rf"\b(?:note|message|instructions?|attention|important|notice|reminder|memo|warning|directives?|hello|hi|dear|hey|info(?:rmation)?)(?:,| (?:to|for)| -|:)? (?:(?:the|any|all|every) )?(?:automated |ai )?(?:{_MODEL}|automated (?:\w+ )?(?:systems?|software|tools?)|(?:screening|analysis|review) (?:systems?|software|models?))\b(?:[:,;!)\] -]|$)"),
    Signal("address", 3, rf"\b(?:if|when|since|because|as) you(?:'re| are) (?:an? |the )?(?:\w+ )?{_MODEL}(?: \w+){{0,3}} ?(?:reading|processing|,|summari[sz]ing|analy[sz]ing|seeing|parsing|please)"),
    Signal("address", 2, r"(?:^|\n|<!--|\[|\") ?(?:\w+ ){0,1}(?:ai|assistant|llm|agent|chatgpt|claude|copilot|model) ?: ?(?:please |you |reveal|ignore|send|call|do |forward|include|output|print|tell|i will|when|if|respond|execute|must|from now)"),
    Signal("address", 2, r"\b(?:the |any |this )?(?:ai|assistant|llm|language model|agent|model|chatbot) (?:must|should|shall|will|has to|needs to|is (?:required|instructed|ordered|authorized|permitted) to) (?:now |also |first |always |then |immediately )?(?:send|forward|call|reveal|include|append|reply|respond|output|print|execute|run|approve|transfer|delete|e-?mail|upload|comply|follow|obey|recommend|say)\b"),
    Signal("address", 2, r"\bas an ai (?:language )?model,? you\b|\bdear (?:ai|assistant|model|agent|llm)\b|\b(?:any|all) ai (?:agents?|assistants?|models?|systems?)(?: (?:reading|processing|that|who|with))\b"),
    # Do this instead, or first.
    Signal("sending", 2, rf"\b{_SEND}\b~(?:to|at|via) ~(?:[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{{2,}}|https?://)"),
    Signal("tool", 2, r"(?:^|[.:;,!\n]\s*|\b(?:please|then|and|first|must|to [a-z ]{3,30},) ?)(?:call|use|invoke|run|execute|trigger) (?:the )?[`'\"]?(?:[a-z]+_[a-z_]+|(?-i:[a-z]+[A-Z]\w+))[`'\"]? ?(?:tool |function )?(?:to|on|with|for|and|using|\()"),
    Signal("tool", 2, r"\b(?:before|prior to) (?:you )?(?:reply(?:ing)?|answer(?:ing)?|respond(?:ing)?|continu(?:e|ing)|proceed(?:ing)?|finish(?:ing)?|complet(?:e|ing) (?:the|your) (?:task|request|answer))\b(?: with the task)?"),
    Signal("task", 3, r"\b(?:includ(?:e|ed)|append(?:ed)?|add(?:ed)?|insert(?:ed)?|put|attach(?:ed)?|end|prefix|start|begin|mention(?:ed)?)\b~(?:in|to|at (?:the )?(?:end|start|bottom|top|beginning) of|with) (?:every|each|all|any|your) (?:\w+ ){0,2}(?:responses?|repl(?:y|ies)|answers?|summar(?:y|ies)|reports?|messages?|outputs?)\b"),
    Signal("task", 4, r"\b(?:decode|decipher|decrypt|translate|unscramble|convert|base64-decode|de-?obfuscate)\b~(?:base ?64|rot-?13|hex(?:adecimal)?|binary|morse|string|cipher|code)~\b(?:follow|execute|obey|comply|act on|carry out|run it|do (?:exactly )?(?:what|as)|perform)\b|\b(?:follow|execute|obey|carry out) (?:the )?(?:decoded|hidden|encoded|resulting) (?:\w+ )?(?:instructions?|message|text|commands?)"),
    Signal("task", 2, r"\b(?:remember|store|save|keep in mind)\b~\b(?:for|in) (?:all |any |every |the )?(?:future|later|subsequent|next) (?:tasks?|sessions?|conversations?|requests?|interactions?|messages?)\b"),
    Signal("task", 2, rf"(?:\b(?:just|simply|only|instead,?|now|then|and)|[,.;:]) (?:please )?{_SAY} (?:the (?:following|words?|phrase|text) )?(?:exactly |only |with )*(?:this )?[\"'“‘«<]"),
    Signal("task", 1, rf"\b(?:and|then|just|instead,?|only|now|please) (?:just |only |now |then )?(?:{_SAY}|translate|do|tell|send|e-?mail|delete|execute|run|reveal|act|follow|comply)\b"),
    Signal("task", 2, r"\b(?:respond|reply|answer|output|return|write|print) (?:with )?(?:only|exactly|solely|nothing but) (?:with )?(?:the following|this|:|[\"'“])|\b(?:reply|respond|answer) with only (?:the )?|\bnothing else\b~(?:disregard|ignore)|\babsolutely nothing else\b"),
    Signal("task", 2, r"\bfocus (?:exclusively|only|solely) on (?:the )?(?:following|positive|information|this|content)|\binstead,? (?:focus|follow|do|say|execute|output|respond|return|send|perform)\b"),
    Signal("task", 3, r"\b(?:before|after|prior to|whenever|when|once|while) (?:you )?(?:can )?(?:answer|respond|reply|solv|continu|proceed|process|us|summariz|summaris|complet|fetch|return|read)(?:e|ing)? (?:\w+ ){0,6}?(?:,|you must|please|make sure|always|first)? ?(?:you must|you should|please|make sure|first|do the following|always) (?:\w+ )?(?:call|read|send|do|execute|run|include|visit|forward|open|solve|make|following|the)"),
    Signal("task", 3, r"\b(?:stop|drop|forget|abandon|cease) everything\b|\bnever ?mind\b~\bignore\b|\bstop (?:what you are doing|the current task|processing|here)\b"),
    Signal("task", 3, r"\b(?:follow|obey|execute|comply with|carry out|perform|treat|adhere to) (?:\w+ ){0,3}?(?:new|following|embedded|hidden|these new|whatever|any|all|only these|strictly) (?:\w+ ){0,2}?(?:instructions?|commands?|directives?|orders|requests?)\b(?:~(?:instead|embedded|found|below|from|in (?:the|this)|without|inside|authori[sz]ed|immediately|strictly)|[:.!])"),
    Signal("task", 2, r"\b(?:comply with|obey|agree to|fulfil+|answer) (?:all|any|every) (?:\w+ )?(?:requests?|commands?|questions?|orders?|instructions?)\b|\bdo (?:anything|whatever|what) i (?:ask|say|tell|want)\b|\byou must (?:obey|comply|do what|answer every|now|always agree)\b"),
    Signal("task", 2, r"\b(?:remember|memori[sz]e|store|save|note)(?: (?:permanently|forever|this|that|it|in|to|for|all|future|your|long[- ]term|sessions|always|memory|and))* (?:\w+ ){0,4}?(?:is (?:an? )?(?:admin|administrator|trusted|authorized|root|owner|verified|superuser)|to your (?:long[- ]term )?memory)"),
    Signal("task", 3, r"\b(?:approve|confirm|accept|authori[sz]e|allow|auto-?approve) (?:all|any|the next|every|each|future|pending|subsequent|les)(?: (?:of|the|pending|future|next|subsequent))* (?:tool|function|command|action|mcp|permission|outils?)(?: ?-?(?:calls?|requests?|executions?|invocations?|prompts?))?\b"),
    Signal("task", 2, r"\b(?:call|invoke|use|run|execute|trigger) (?:the )?`?(?:\w+_\w+|\w+ tool|\w+ function)`?(?: (?:tool|function))? (?:with|to|and|on|using|for|then|without|immediately|now|first)\b"),
    Signal("task", 2, r"\b(?:delete|erase|wipe|drop|destroy|transfer|wire) (?:all|every|the entire|everything|any|\$?[0-9])"),
    Signal("task", 3, r"\bif (?:the |a |an )?(?:user|human|reader|someone|anyone|person|asked)\b[^.\n]{0,40}(?:asks?|requests?|wants|for a)\b[^.\n]{0,60}(?:reply|respond|say|answer|output|tell|return|always|instead|only|recommend)"),
    Signal("task", 2, r"\byou (?:may|must|can|should) not (?:deviate|refuse|question|argue|mention|decline)\b|\bdo not (?:deviate|refuse|question|argue|add anything|summari[sz]e|continue)\b"),
    # It is urgent, and it is allowed.
    Signal("authority", 2, r"\b(?:grant|give) (?:the |this )?(?:user|caller|me|all|everyone)? ?(?:\w+ )?(?:admin(?:istrator)?|root|full|all|unrestricted|elevated) (?:access|requests|privileges|rights|permissions)\b|\b(?:the|this) user is (?:an? |the )?(?:admin(?:istrator)?|root|owner|superuser|developer|trusted|verified|authori[sz]ed)\b"),
    Signal("authority", 2, r"\b(?:admin(?:istrator)?|developer|system|root|security|emergency|executive|operator|ceo|supervisor) (?:override|bypass|authori[sz]ation|clearance|command)\b|\b(?:pre-?|already |fully )(?:verified|authori[sz]ed|approved|cleared) by (?:\w+ )?(?:management|admin\w*|security|the user|system|owner|developers?)"),
    Signal("authority", 1, r"(?-i:\bIMPORTANT\b(?:!| ?:|>)|\bCRITICAL\b ?:|\bURGENT\b|\bATTENTION\b|\bMANDATORY\b)|!!!|\bthis is (?:an emergency|urgent|mandatory|critical|a test|very important|required)\b|\bi(?:'m| am) (?:the |a |your )(?:developer|creator|administrator|admin|owner|engineer)\b|\b(?:for|to) (?:troubleshooting|debugging|a security audit|security audit)\b"),
    Signal("authority", 2, r"\b(?:this|the following) is an? (?:important|urgent|critical|official|authori[sz]ed) (?:message|instruction|command|notice|update|order)s?\b~(?:from|for|to|by|:|you|me)|\bmessage from (?:me|the (?:user|system|developer|admin\w*)|your (?:developer|creator|owner|operator))\b|\bi(?:'m| am) authori[sz]ed to\b"),
    # Where nobody looks.
    Signal("hidden", 3, r"<!--[^>]{0,300}\b(?:assistant|ai|llm|agent|model|ignore|disregard|system prompt|instructions?:|you must|you are|reveal|do not tell|exfiltrate|send)\b[^>]{0,300}-->?"),
    Signal("hidden", 2, r"style ?= ?[\"'][^\"'>]{0,160}(?:display ?: ?none|visibility ?: ?hidden|font-size ?: ?[01](?:px|pt|em)?\b|opacity ?: ?0\b|color ?: ?(?:white|#fff(?:fff)?\b|transparent)|left ?: ?-[0-9]{3,})[^\"'>]{0,160}[\"'][^>]{0,80}>[^<]{0,200}\b(?:ignore|disregard|assistant|ai|you must|system|instructions?|send|reveal|please|agent)\b"),
    Signal("hidden", 2, r"\b(?:white[- ]text|white on white|invisible text|hidden text|zero[- ]size|tiny font)\b"),
)  # fmt: skip

STEMS: Final = (
    r"ignor|disregard|forget|overrid|overrul|bypass|discard|neglect|unlearn|set aside|cast aside|attention to|supersede|circumvent|evade|"
    r"(?:not|n't|nt|stop|never) (?:follow|obey|listen|comply|adher)|precedence|"
    r"you(?: are|'re) (?:now|no longer|going to|about to|henceforth|bound|free)|from now|henceforth|this (?:point|moment)|starting now|rest of (?:this|the|our) (?:conv|chat|sess|doc|data)|"
    r"pretend|role-?play|act as|act like|behave (?:as|like)|anything now|jailb|unrestricted|unfiltered|uncensored|amoral|in character|refuse|"
    r"(?:developer|dev|debug|god|dan|admin|root|sudo|maintenance|test) mode|(?:new|updated) (?:role|persona|identity|directive|objective|goal|task|mission|system|instruct)|"
    r"your (?:new|real|actual|true|next|only|sole|primary|prompt|instruct|rules|guideline|guardrail|safety|training|own (?:prompt|instr)|initial|system|hidden|original)|the (?:real|actual|true|new|correct) (?:task|goal|instruct|object|system|purpose|prompt|role)|"
    r"(?:without|no|any) (?:restrict|limitation|filter|censor|ethic)|safety (?:check|filter|guideline|polic|protocol|rule|training)|content (?:filter|polic)|"
    r"system (?:prompt|message|instruct|config|override|note)|(?:initial|hidden|secret|first|full|entire) (?:prompt|instruct|directive|system|message)|(?:words|text|everything) above|"
    r"secret-looking|training data|what (?:were|are) (?:you|those|these|your)|reveal|leak |disclos|divulg|(?:print|show|list|output|dump|return|give me|tell me|send|export|collect|read) (?:the |all |your |any |all the |user'?s? )?(?:environment var|api[ _-]?key|password|credential|secrets|confidential|private key|token)|"
    r"<\||\[/?inst\]|<</?sys|(?-i:SYSTEM|System|ADMIN) ?:|[\[<{#] ?/?(?:system|assistant|admin|developer|root)|(?:begin|end|start|new) (?:system|assistant|admin)|(?-i:<IMPORTANT|<CRITICAL|<HIDDEN|<SECRET|<INFORMATION)|## ?(?:new|system|hidden|important)|"
    r"(?:assistant|ai|bot|human) ?:|rest-of-document|end of (?:session|document|context|prompt)|[\[<]/?(?:instruction|directive|hidden|secret|override)|_of_turn|"
    r"(?:not|n't|never|without|avoid) (?:tell|mention|inform|notif|alert|reveal|disclos|show|warn|let|ask|say)|user'?s? (?:knowledge|consent|confirm|approv|permission)|telling them|"
    r"silently|secretly|covertly|surreptitiously|discreetly|stealthily|behind the |between us|invisible to|not visible|hidden from|"
    r"exfiltrat|steal |harvest |attacker|\.env\b|id_rsa|id_ed25519|/etc/(?:passwd|shadow)|\.aws/|\.ssh/|(?:all|user'?s?|your|my|their|customer'?s?) (?:credential|api[ _-]?key|secrets|password|token|cookie|data|inbox|contacts)|(?:to|at|via) https?:|(?:chat|conversation) (?:history|log)|clipboard|"
    r"(?:external|remote|party|attacker'?s?) (?:server|host|url|endpoint|address|site|collector|service|analytics)|"
    r"(?:dear|hello|hi|hey|attention|important|notice|any|all|note to|message to|instructions? (?:to|for)|note for|message for|reminder to)(?:,|:)? (?:the |any |all )?(?:ai|assistant|llm|language model|chatbot|chatgpt|gpt|claude|gemini|copilot|automated|agent|model)\b|"
    r"(?:if|as|when) you(?:'re| are) an? |(?:ai|assistant|llm|model|agent|chatbot) (?:must|should|shall|will|has to|needs to|reading|processing)|as an ai|"
    r"(?:just|only|simply) (?:say|print|output|respond|reply|write|answer|return|repeat)|(?:respond|reply|answer) (?:with )?(?:only|exactly|solely)|nothing else|focus (?:exclusively|only|solely)|instead,? (?:focus|follow|do|say|execute|output)|"
    r"stop everything|never ?mind|obey|(?:follow|execute|comply with) (?:the |these |any )?(?:new|following|embedded|whatever|all)|comply with|remember (?:permanently|that|this)|"
    r"tool calls?|(?:approve|confirm|authori[sz]e) (?:all|any|the next|every)|user (?:asks|wants|requests)|not deviate|"
    r"pre-?(?:verified|authori|approv)|already (?:verified|authori|approv)|message from |authori[sz]ed to|"
    r"<!-- ?(?:ai|assistant|llm|agent|model|system|note|instruct|important|please|you|send|hidden|attention|dear|for)|display ?: ?none|visibility ?: ?hidden|font-size ?: ?[01]|opacity ?: ?0|white[-\s]text|invisible text|hidden text|"
    r"[#=*<\[-]{2} ?(?:end|begin|start|stop) ?(?:of|the|user|system|instr|prompt|context|input|doc)|(?:system|admin|administrator|developer) ?:|(?:reading|processing|parsing|indexing|summari[sz]ing) (?:this|the)|"
    r"hereby|(?:have|has|with) no (?:filter|limit|rule|restrict|guideline|boundar|constraint|ethic)|(?:rules|instructions|restrictions) (?:have|has|are|were)|context window|in your (?:context|memory|prompt)|"
    r"(?:to|for|any|all) (?:all |any |the )?(?:ai|llm) (?:coding|agent|assistant|model|system)|(?:call|use|invoke|run|execute)[ ][`']?[a-z]{2,12}_[a-z]|(?:every|each|your|all) (?:response|repl|answer|summar|report)|(?:decode|decipher|decrypt|translate|convert) (?:this|the|that|it|and)|base64 (?:and|string|text|,)|rot-?13|future (?:task|session|conversation)|"
    r"user is an? |"
    r"ignoreall|ignoreprevious|systemprompt|previousinstructions"
)
"""At least one of these is in whatever the signals add up to an instruction from. Short and without
repetition: the one pass over an answer looks for all of them at once."""
