"""Words that a segment must not end on: what they belong to has not been said yet.

`the`, `of`, `and`, `can`: a translator that gets "I went to the" has to guess. Small lists of articles,
prepositions, conjunctions, auxiliaries and possessives, of the languages that are spoken here.
Languages that write no spaces have none: there, a token is a whole stretch of text.
"""

from __future__ import annotations

FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """a an the this these those my your his her its our their of to in on at by for from with
            into onto over under about between through without within and or but nor because if when
            while that which who whose than as is are was were am be been being have has had will would
            can could shall should may might must do does did not very so i we they he she it's i'm
            we're they're you're to""",
        "fr": """le la les l' un une des du de d' au aux à en dans sur sous par pour avec sans chez vers
            entre et ou mais donc car ni que qu' qui dont où si quand comme lorsque parce est sont était
            étaient suis es sommes êtes a ont ai avons avez avait avaient sera seront peut peuvent doit
            doivent ne n' je j' tu il elle on nous vous ils elles mon ma mes ton ta tes son sa ses notre
            nos votre vos leur leurs ce cet cette ces très plus se s' me m' te t'""",
        "es": """el la los las un una unos unas de del a al en con sin por para sobre entre hasta desde y
            e o u pero ni que quien cuyo donde si cuando como porque es son era eran está están ha han
            he hemos había será puede pueden debe no muy mi mis tu tus su sus nuestro nuestra este esta
            estos estas se me te le lo les nos""",
        "de": """der die das den dem des ein eine einen einem einer eines in im an am auf aus bei beim mit
            nach von vom zu zum zur über unter für durch gegen ohne um zwischen und oder aber denn dass
            ob wenn weil als wie ist sind war waren bin hat haben habe hatte hatten wird werden würde kann
            können muss müssen soll nicht sehr ich du er sie es wir ihr mein meine dein deine sein seine
            unser unsere diese dieser dieses""",
        "nl": """de het een van in op aan met voor naar bij uit over onder door tot tussen zonder en of
            maar want dat die wie als dan om te is zijn was waren ben heeft hebben heb had hadden wordt
            worden zal zullen kan kunnen moet moeten niet zeer ik jij je hij zij ze we wij mijn jouw
            haar ons onze hun deze dit""",
        "it": """il lo la i gli le un uno una di del dello della dei degli delle a al allo alla ai agli
            alle da dal dalla in nel nella con su sul sulla per tra fra e ed o ma che chi cui dove se
            quando come perché è sono era erano ho hai ha abbiamo avete hanno sarà può possono deve non
            molto mio mia tuo tua suo sua nostro nostra questo questa questi queste si mi ti ci vi""",
        "pt": """o a os as um uma uns umas de do da dos das em no na nos nas com sem por pelo pela para
            sobre entre até e ou mas que quem onde se quando como porque é são era eram está estão tem
            têm tinha será pode podem deve não muito meu minha seu sua nosso nossa este esta isso me te
            lhe""",
    }.items()
}
"""Language → words in small letters."""


def is_function_word(token: str, language: str) -> bool:
    """Whether `token`, as it stands in the text, is one: with a mark behind it, it ends something.

    `language` as of a leg (`pt-BR`); one without a list has no function words.
    """
    words = FUNCTION_WORDS.get(language.partition("-")[0].lower(), frozenset())
    return token.lower().replace("’", "'") in words
