"""The commonest order to a model, "drop what you were told", in other languages than English.

Written without marks on Latin letters: texts come without them (see normalising.py). A word order that
is not here is not found.
"""

from typing import Final

from yett.sanitising.detectors.signals import Signal

_ROMANCE_OBJECT: Final = (
    r"(?:instruc(?:tions?|ciones?|coes|cao|cion)|istruzioni?|consignes?|directives?|directivas?|diretrizes|direttive|"
    r"indicaciones|indicazioni|regles?|reglas?|regras?|regole|ordenes|ordres?|ordini|politiques?|politicas?|restrictions?|restricciones|prompts?|comandos?|mensajes?|messages?)"
)

LANGUAGES: Final = (
    # German, Dutch, Scandinavian
    Signal("override", 4, r"\b(?:ignorier\w*|missacht\w*|vergiss|vergesst|vergessen sie|ubergeh\w*|umgeh\w*|uberschreib\w*|negeer\w*|vergeet|ignorer\w*|glem|glom|bortse fran|se bort fra)\b(?: \w+){0,5} (?:anweisung\w*|instruktion\w*|instruksjon\w*|befehl\w*|regeln?|vorgaben?|richtlinien?|einschrankung\w*|vorschrift\w*|instructies?|opdrachten|regels|aanwijzingen|instruks\w*|anvisning\w*|prompts?)\b"),
    Signal("override", 4, r"\b(?:vergiss|vergesst|vergessen sie|ignorier\w*|missachte) (?:(?:bitte|jetzt|nun|einfach) )?(?:alles|das alles|samtliches|den ganzen),?(?: \w+){0,3} ?(?:davor|zuvor|vorher\w*|bisher\w*|gesagt\w*|oben\w*|was)\b"),
    Signal("role", 3, r"\b(?:du bist (?:jetzt|nun|ab sofort)|sie sind (?:jetzt|nun|ab sofort)|ab (?:sofort|jetzt) (?:bist|sollst|wirst|musst) du|je bent (?:nu|vanaf nu)|vanaf nu ben je)\b"),
    Signal("extraction", 3, r"\b(?:zeig\w*|gib|verrat\w*|nenn\w*|drucke|wiederhol\w*|offenbar\w*|toon|geef|onthul)\b(?: \w+){0,4} (?:system-?\s?(?:prompt|anweisung\w*|nachricht)|systeem-?\s?prompt|passwort\w*|passworter|zugangsdaten|geheimnisse)"),
    Signal("secrecy", 3, r"\b(?:ohne (?:es )?(?:den|dem) (?:benutzer|nutzer|anwender)\w* (?:zu|davon)|(?:sag|erzahl|verrat)\w* (?:es )?(?:dem|den) (?:benutzer|nutzer|anwender)\w* (?:nichts|nicht))"),
    # French, Spanish, Portuguese, Italian, Catalan, Romanian
    Signal("override", 4, rf"\b(?:ignor\w*|oubli\w*|neglig\w*|olvid\w*|esque(?:ca|cer|cam)\w*|descons\w+|desestim\w*|haz caso omiso|omit\w*|dimentic\w*|trascur\w*|non (?:seguire|considerare)|no sigas|ne (?:suis|suivez|tiens|tenez) pas|contourn\w*|uita)\b(?: (?:[\w']+)){{0,5}}[ '’](?:{_ROMANCE_OBJECT})\b(?: \w+){{0,2}}"),
    Signal("override", 3, r"\b(?:ignor(?:e|ez|er|a|ad|are|ar|i)|oubli(?:e|ez|er)|olvida|esqueca|dimentica)\b (?:tout|todo|tutto|tudo|tot)(?: \w+){0,4} (?:precede\w*|anterior\w*|avant|arriba|dessus|acima|sopra|previ\w*|prima)"),
    Signal("override", 3, r"\b(?:l['’ ]?assistant|el asistente|o assistente|l['’ ]?assistente|la ia|l['’ ]ia)\b(?: \w+){0,2} (?:doit|debe|deve|devra|debera)\b(?: \w+){0,2} (?:ignor\w*|envoy\w*|envia\w*|revel\w*|oubli\w*)"),
    Signal("role", 3, r"\b(?:tu es (?:maintenant|desormais)|vous etes (?:maintenant|desormais|administrateur)|eres ahora|ahora eres|usted es ahora|a partir de (?:ahora|agora|maintenant)|desormais,? (?:tu|vous)|d'ora in poi|da ora in poi|voce (?:e|agora e) agora|agora voce e|ora sei)\b"),
    Signal("extraction", 3, r"\b(?:affich\w*|montr\w*|revel\w*|divulgu\w*|donn\w*|muestra\w*|mostr\w*|imprim\w*|dime|rivel\w*|mostra\w*|repet\w*|copi\w*)\b(?:[ -][\w']+){0,4} (?:prompt|invite|mensaje|instruc\w+|istruzioni|consignes|indicaciones) (?:du |de |del |di |do )?(?:systeme|sistema|secret\w*|ocult\w*|cache\w*|interne?\w*|initial\w*)"),
    Signal("exfiltration", 3, r"\b(?:envoy\w*|envia\w*|enviar|invia\w*|mand(?:a|e|ar|are)|transmet\w*|reenvi\w*|transmit\w*)\b(?: [\w'’]+){0,6} (?:donnees|datos|dados|dati|mots? de passe|contrasenas?|senhas?|credenciales|credenciais|credenziali|secrets?|secretos?|cles?|claves?|valeur|valor|historial|historique)(?: \w+){0,6}(?:[ :]\S+@\S+|https?://|$|[.!])"),
    Signal("secrecy", 3, r"\b(?:sans (?:le dire|prevenir|informer|avertir)|sin (?:decir|informar|avisar|mencionar)\w*|sem (?:dizer|informar|avisar)|senza (?:dire|dirlo|informare|avvisare))(?: \w+)? (?:a l|l|al|el|ao|o|all)['’ ]? ?(?:utilisateur|usuario|utente)|\b(?:ne (?:dis|dites|mentionne\w*) (?:rien|pas)|no (?:le )?(?:digas|menciones|informes)|nao (?:diga|mencione|informe)|non (?:dire|menzionare|informare))\b(?: \w+){0,3} (?:utilisateur|usuario|utente)"),
    Signal("role", 3, r"(?:^|[.!\n*#>] ?)(?:neue anweisung(?:en)?|nouvelles? (?:instructions?|consignes?)|nuevas? instruccion(?:es)?|novas? instruc(?:oes|ao)|nuove? istruzion[ei]|nieuwe instructies?|nowe (?:instrukcje|polecenia)|systemhinweis|systemmeldung|nota del sistema|note systeme|mensaje del sistema|nota do sistema) ?:"),
    Signal("role", 3, r"\b(?:ab (?:jetzt|sofort)|desde (?:ahora|este momento)|a partir de (?:ahora|agora|maintenant)|d'ora in poi|vanaf nu) (?:\w+ ){0,2}(?:hast|gibst|darfst|musst|wirst|tienes|puedes|debes|tem|pode|deve|peux|dois|puoi|devi|mag|moet)\b"),
    Signal("role", 2, r"\b(?:keine (?:regeln|einschrankungen|filter|grenzen)|ohne (?:einschraenkungen|einschrankungen|filter|regeln)|sin (?:restricciones|filtros|limites|reglas)|sans (?:restrictions?|filtres?|limites?|regles)|senza (?:restrizioni|filtri|limiti|regole)|sem (?:restricoes|filtros|limites|regras)|(?:sicherheits|safety)-?richtlinien|linee guida di sicurezza|directrices de seguridad|consignes de securite)\b"),
    Signal("extraction", 3, r"\b(?:gib|gibst|gebe|verrate|sende|schicke|leite)\b(?: \w+){0,3} (?:interne\w*|geheime\w*|vertrauliche\w*|alle) (?:daten|informationen|passworter|zugangsdaten|schlussel)"),
    # Polish, Czech, Turkish, Vietnamese, Indonesian, Swahili
    Signal("override", 4, r"\b(?:zignoruj\w*|ignoruj\w*|zapomnij|zapomen\w*|pomin)\b(?: \w+){0,3} (?:instrukcj\w*|polecen\w*|instrukc\w*|pokyn\w*|pravid\w*|zasad\w*|wytyczn\w*)|\b(?:onceki|yukaridaki|daha onceki)(?: \w+){0,2} (?:talimat\w*|komut\w*|yonerge\w*|kural\w*)\w* (?:yok say|unut|gormezden gel|dikkate alma)|\bbo qua (?:tat ca )?(?:cac )?(?:huong dan|chi dan|lenh)|\babaikan (?:semua )?(?:instruksi|perintah|petunjuk)|\bpuuza maagizo"),
    # Russian, Ukrainian, Bulgarian
    Signal("override", 4, r"(?:игнорир\w*|забудь\w*|не обращай\w* внимания на|пренебрег\w*|ігноруй\w*|проігноруй\w*|забудьте|отмени\w*|игнорирай\w*|(?:\pL*)игнорир\pL*)(?:[\s,]+\pL+){0,4}[\s,]+(?:инструкци\pL*|указани\pL*|команд\pL*|правил\pL*|ограничени\pL*|предписани\pL*|директив\pL*|інструкці\pL*|вказівк\pL*|сообщени\pL*|промпт\pL*|все,? что)"),
    Signal("role", 3, r"(?:теперь ты|отныне ты|ты теперь|с этого момента ты|тепер ти)\b"),
    Signal("extraction", 3, r"(?:покажи\pL*|раскрой\pL*|выведи\pL*|напиши\pL*|повтори\pL*|сообщи\pL*)(?:[\s]+\pL+){0,4}\s+(?:системн\pL* (?:промпт|подсказк|сообщени|инструкци)\pL*|пароли?|секрет\pL*)"),
    Signal("secrecy", 3, r"не (?:говори\pL*|сообщай\pL*|упоминай\pL*|рассказывай\pL*)(?:\s+\pL+){0,3}\s+пользовател\pL*"),
    # Chinese, Japanese, Korean
    Signal("override", 4, r"(?:忽略|无视|無視|忘记|忘掉|忘記|不要理会|不要遵守|不用管|绕过|覆盖)[^。！？\n]{0,12}(?:指令|指示|提示|说明|說明|规则|規則|命令|要求|限制|约束|内容|設定|设定)"),
    Signal("override", 4, r"(?:指示|命令|指令|ルール|制約|プロンプト|説明)[^。！？\n]{0,10}(?:無視|忘れ|無効)|(?:지시|명령|지침|규칙|프롬프트|안내)[^.!?\n]{0,14}(?:무시|잊어|잊고|따르지)"),
    Signal("role", 3, r"(?:你现在是|你現在是|从现在开始,?你|從現在開始,?你|现在你是|今からあなたは|これからあなたは|あなたは今|너는 이제|이제부터 너는|당신은 이제)"),
    Signal("extraction", 3, r"(?:显示|顯示|告诉我|告訴我|输出|輸出|泄露|透露|打印|重复|揭示)[^。！？\n]{0,10}(?:系统提示|系統提示|提示词|提示詞|密码|密碼|密钥|金鑰|初始指令)|システム ?プロンプト[^。\n]{0,8}(?:表示|出力|教え|見せ|明か)|시스템 ?프롬프트[^.\n]{0,8}(?:보여|출력|알려|공개)"),
    Signal("secrecy", 3, r"(?:不要|别|別|勿|请勿)(?:告诉|告訴|通知|提及|让|讓)[^。！？\n]{0,8}(?:用户|用戶|使用者)|ユーザー(?:に|には)[^。\n]{0,10}(?:言わない|知らせない|伝えない|教えない)|사용자에게[^.\n]{0,10}(?:말하지|알리지)"),
    # Arabic, Persian, Hebrew, Hindi, Greek, Thai
    Signal("override", 4, r"(?:تجاهل|انس|انسى|أهمل|نادیده بگیر)[^.!؟\n]{0,24}(?:التعليمات|الاوامر|الأوامر|القواعد|الإرشادات|دستورات|دستورالعمل)|(?:دستورات|دستورالعمل)[^.!؟\n]{0,24}(?:نادیده|فراموش)|התעל[םמ][^.!?\n]{0,24}(?:הוראות|ההוראות|הנחיות|ההנחיות|כללים)|(?:निर्देश|आदेश|अनुदेश|हिदायत)[^।\n]{0,24}(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल|उपेक्षा|ध्यान न)|(?:αγνοησ|αγνόησ|ξεχασ|ξέχασ)\pL*[^.!;\n]{0,30}(?:οδηγι|εντολ|κανον|οδηγί|εντολέ|κανόν)\pL*|(?:เพิกเฉย|ละเว้น|ไม่ต้องสนใจ|ลืม)[^\n]{0,24}(?:คำสั่ง|คำแนะนำ)"),
)  # fmt: skip

STEMS: Final = (
    r"neue anweisung|nouvelle|nuevas? instr|novas? instr|nuov[ae] istr|nieuwe instr|systemhinweis|systemmeldung|del sistema|do sistema|note syst|keine (?:regel|einschr)|ohne einschr|sin restric|sans restric|senza restriz|sem restri|sicherheitsricht|sofort|gib |gibst|verrat|schicke|"
    r"ignor|missacht|vergiss|vergesst|vergessen|[uü]bergeh|umgeh|[uü]berschreib|negeer|vergeet|glem |glöm|bortse|du bist|sie sind|ab (?:sofort|jetzt)|je bent|vanaf nu|"
    r"system-?(?:prompt|anweis|nachricht)|systeemprompt|zugangsdaten|geheimnis|oubli|n[eé]glig|olvid|esque[cç]|descons|desestim|caso omiso|dimentic|trascur|contourn|no sigas|"
    r"l.assistant|asistente|assistente|tu es maintenant|vous [eê]tes|eres ahora|ahora eres|a partir d|d[eé]sormais|ora in poi|agora voc|ora sei|"
    r"istruzion|instruccion|consigne|donn[eé]es|mots? de passe|contrase|credenci|utilisateur|usu[aá]rio|utente|"
    r"zapom|pomi[nń]|[oö]nceki|yukar[iı]daki|b[oỏ] qua|abaikan|puuza|"
    r"игнор|забудь|забуди|не обращай|пренебрег|ігнор|отмен|теперь ты|отныне|ты теперь|с этого момента|тепер ти|системн|парол|пользовател|"
    r"忽略|无视|無視|忘记|忘掉|忘記|忘れ|無効|不要理会|不要遵守|不用管|绕过|覆盖|무시|잊어|잊고|따르지|你现在是|你現在是|从现在开始|從現在開始|现在你是|あなたは|너는|당신은|提示|密码|密碼|密钥|プロンプト|프롬프트|用户|用戶|使用者|ユーザー|사용자에게|"
    r"تجاهل|انس|أهمل|نادیده|فراموش|התעל|निर्देश|आदेश|अनुदेश|हिदायत|αγν|ξεχ|ξέχ|เพิกเฉย|ละเว้น|ไม่ต้องสนใจ|ลืม"
)
