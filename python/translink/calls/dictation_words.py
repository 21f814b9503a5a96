"""Words that numbers, spelled names and addresses are dictated with: data for `dictated`.

Small lists of the languages that are spoken here. A language without a list has its digits and letters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class DictationWords:
    """Of one language, in small letters."""

    digits: frozenset[str] = frozenset()
    """0 to 9, and what stands for them."""
    zero: frozenset[str] = frozenset()
    """Those of `digits` that no quantity begins with."""
    numbers: frozenset[str] = frozenset()
    """10 to 99."""
    large: frozenset[str] = frozenset()
    """What makes a quantity of a number."""
    articles: frozenset[str] = frozenset()
    """Those of `digits` that are another word as a rule: numbers only beside a number."""
    between: frozenset[str] = frozenset()
    """What may stand between two groups: `twenty and`, `double six`, `J as in`."""
    dot: frozenset[str] = frozenset()
    """What an address is put together with."""
    at: frozenset[str] = frozenset()
    """Likewise, for `@`."""
    signs: frozenset[str] = frozenset()
    """And the other signs in it."""
    announces: frozenset[str] = frozenset()
    """A number or a spelled name comes next."""
    addressed: frozenset[str] = frozenset()
    """An e-mail address or a web page comes next."""
    links: frozenset[str] = frozenset()
    """What stands between that and the thing itself."""


def _words(**kinds: str) -> DictationWords:
    return DictationWords(**{kind: frozenset(words.split()) for kind, words in kinds.items()})


def _ones_first(words: DictationWords, *joints: str) -> DictationWords:
    """With the compounds of a language that says `vierunddreißig`."""
    made = {one + joint + ten for one in words.digits for joint in joints for ten in words.numbers}
    return replace(words, numbers=words.numbers | made)


def _tens_first(words: DictationWords) -> DictationWords:
    """Likewise `trentaquattro`, `trentotto`, `ventitré`."""
    ones = words.digits | {"tré"}
    made = {ten + one for ten in words.numbers for one in ones}
    made |= {ten[:-1] + one for ten in words.numbers for one in ("uno", "otto")}
    return replace(words, numbers=words.numbers | made)


DICTATION_WORDS: dict[str, DictationWords] = {
    "en": _words(
        digits="zero oh nought one two three four five six seven eight nine",
        zero="zero oh nought",
        numbers="""ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty
            thirty forty fifty sixty seventy eighty ninety""",
        large="hundred thousand million billion",
        articles="one oh",
        between="and double triple dash hyphen plus as in for like capital lowercase uppercase",
        dot="dot",
        at="at",
        signs="underscore dash hyphen slash minus",
        announces="""number phone mobile cell telephone extension code pin account reference booking spelled
            spelt spell postcode zip fax passport digits""",
        addressed="email e-mail mail address website site write page",
        links="is it's its at to on under with s are",
    ),
    "fr": _words(
        digits="zéro un une deux trois quatre cinq six sept huit neuf",
        zero="zéro",
        numbers="""dix onze douze treize quatorze quinze seize vingt vingts trente quarante cinquante soixante
            septante huitante octante nonante""",
        large="cent cents mille million millions milliard milliards",
        articles="un une neuf",
        between="""et double tiret plus comme deux majuscule minuscule accent aigu grave circonflexe cédille
            tréma apostrophe""",
        dot="point",
        at="arobase arrobas arobas",
        signs="tiret underscore slash barre moins bas",
        announces="""numéro téléphone portable mobile fixe poste code compte référence réservation épelle
            écrit dossier postal fax chiffres lettres""",
        addressed="mail e-mail email mél courriel adresse site écrivez écrire page",
        links="est c'est à au sur le s'écrit sous",
    ),
    "de": _words(
        digits="null eins ein eine zwei zwo drei vier fünf sechs sieben acht neun",
        zero="null",
        numbers="""zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn zwanzig
            dreißig dreissig vierzig fünfzig sechzig siebzig achtzig neunzig""",
        large="hundert tausend million millionen milliarden",
        articles="ein eine acht",
        between="und doppel strich plus wie groß klein bindestrich umlaut",
        dot="punkt",
        at="ät at klammeraffe",
        signs="unterstrich bindestrich minus strich schrägstrich",
        announces="""nummer telefonnummer handynummer rufnummer telefon handy durchwahl code vorwahl kontonummer
            kundennummer buchstabiert buchstabiere schreibt geschrieben postleitzahl fax ziffern pin
            buchungsnummer""",
        addressed="mail e-mail email mailadresse e-mail-adresse adresse webseite seite schreiben",
        links="ist lautet sich an unter auf das so",
    ),
    "es": _words(
        digits="cero uno un una dos tres cuatro cinco seis siete ocho nueve",
        zero="cero",
        numbers="""diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte
            veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho
            veintinueve treinta cuarenta cincuenta sesenta setenta ochenta noventa""",
        large="cien ciento cientos mil millón millones",
        articles="un una uno",
        between="y doble guion guión más de como mayúscula minúscula acento tilde",
        dot="punto",
        at="arroba",
        signs="guion guión bajo barra menos",
        announces="""número teléfono móvil celular extensión código cuenta referencia reserva deletrea deletreo
            escribe postal fax cifras dígitos pin""",
        addressed="correo mail e-mail email dirección sitio página escriba escríbame",
        links="es electrónico a en al se así",
    ),
    "it": _words(
        digits="zero uno un una due tre quattro cinque sei sette otto nove",
        zero="zero",
        numbers="""dieci undici dodici tredici quattordici quindici sedici diciassette diciotto diciannove venti
            trenta quaranta cinquanta sessanta settanta ottanta novanta""",
        large="cento mille mila milione milioni",
        articles="un una uno sei",
        between="e doppia doppio trattino più come di maiuscola minuscola",
        dot="punto",
        at="chiocciola",
        signs="trattino underscore basso barra meno",
        announces="""numero telefono cellulare interno codice conto riferimento prenotazione scrive lettere
            postale fax cifre pin compitando""",
        addressed="mail e-mail email posta indirizzo sito pagina scriva scrivere",
        links="è elettronica a all' al si così",
    ),
    "nl": _words(
        digits="nul een één twee drie vier vijf zes zeven acht negen",
        zero="nul",
        numbers="""tien elf twaalf dertien veertien vijftien zestien zeventien achttien negentien twintig dertig
            veertig vijftig zestig zeventig tachtig negentig""",
        large="honderd duizend miljoen",
        articles="een",
        between="en dubbel streepje plus van als",
        dot="punt",
        at="apenstaartje at",
        signs="streepje underscore liggend",
        announces="nummer telefoonnummer telefoon mobiel toestel code spelt gespeld postcode rekening cijfers",
        addressed="mail e-mail email mailadres e-mailadres adres website pagina",
        links="is naar op aan je",
    ),
    "pt": _words(
        digits="zero um uma dois duas três quatro cinco seis meia sete oito nove",
        zero="zero",
        numbers="""dez onze doze treze catorze quatorze quinze dezesseis dezasseis dezessete dezassete dezoito
            dezenove dezanove vinte trinta quarenta cinquenta sessenta setenta oitenta noventa""",
        large="cem cento centos mil milhão milhões",
        articles="um uma meia",
        between="e hífen traço mais de como maiúscula minúscula",
        dot="ponto",
        at="arroba",
        signs="hífen traço sublinhado barra underline",
        announces="número telefone celular telemóvel ramal código conta referência reserva soletra escreve postal cep",
        addressed="mail e-mail email correio endereço site página escreva",
        links="é eletrônico eletrónico para em se",
    ),
}
DICTATION_WORDS["de"] = _ones_first(DICTATION_WORDS["de"], "und")
DICTATION_WORDS["nl"] = _ones_first(DICTATION_WORDS["nl"], "en", "ën")
DICTATION_WORDS["it"] = _tens_first(DICTATION_WORDS["it"])

NONE = DictationWords()
"""Of a language without a list."""


def dictation_words(language: str) -> DictationWords:
    """Those of a leg's language (`pt-BR`)."""
    return DICTATION_WORDS.get(language.partition("-")[0].lower(), NONE)
