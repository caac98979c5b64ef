"""First names that stand for each other: short forms and the forms of other languages, without accents, in lower case."""

from __future__ import annotations

_GROUPS = """
alexander alex sascha sasha aleksandr alejandro alessandro sandro xander oleksandr olexandr aleksander
alexandra alex sandra sascha sasha alessandra aleksandra oleksandra
andreas andi andy andre andrew drew andrea andrei andrej andrzej andres anders
anna anne ann annie anni hanna hannah ania anja anya annika
anthony tony antonio anton antoni antoine toni
barbara babsi barb barbie basia
benjamin ben benny benno
bernhard bernd bernard bernardo
charles charlie chuck carl karl carlos carlo karol karel
christian chris kristian christiano
christina christine chris tina christel kristina krystyna christa
christopher chris christoph kit cristobal krzysztof
daniel dan danny daniele danilo
david dave davide dawid
dorothea dorothy dora dorothee dotty
edward ed eddie ted eduard eduardo edoardo
eleanor ellie nell leonore nora eleonora
elisabeth elizabeth lisa liz lizzie beth betty elsa elise lisbeth isabel elzbieta else bettina
emmanuel manuel manny
ferdinand ferdi fernando
franziska franzi francesca frances fran francisca franciszka
franz francis frank francisco francesco pancho paco frantisek franciszek
frederick fred freddy friedrich fritz federico fryderyk
gabriele gabi gaby gabriella
george georg jorge giorgio jerzy georges juri yuri jiri
gerhard gerd gerald gerry jerry gerardo
giuseppe joseph josef joe jose pepe beppe sepp jozef yusuf
guenter guenther
henry heinrich harry heinz enrico enrique henri heiner hendrik
helena helene helen lena elena olena ilona
hermann armando
hieronymus jerome geronimo
ivan johannes john hans johann jack jonny johnny juan giovanni gianni jean jan ian ivo janos jens hannes sean yann
jacob jakob james jim jimmy jamie jaime diego santiago giacomo jacques kuba jakub jacobo tiago
jessica jess jessie
johanna hanna joan jane jeanne juana giovanna joanna asia janina
jonathan jon jonny
joshua josh
juergen jorg joerg jorgen
julia julie juliane jule giulia julka
julius julian julio giulio jules
katharina kathrin katrin kathy kate katie cathy catherine katherine kathleen caterina catalina katja katarzyna kasia ekaterina katya käthe ketlin
klaus claus nikolaus nicholas nick nico niklas nicolas nicola nikolai mikolaj
konrad conrad kurt conny
lawrence larry lorenz lorenzo laurent lars laurence
leonard leo leon leonardo lennart lenny leonhard
louis ludwig lewis luis luigi lou ludovic
magdalena lena magda madeleine maddalena
manfred manni fred
margaret margarete margarethe maggie meg peggy greta grete gretchen margit margherita marguerite rita margot malgorzata gosia daisy
maria mary marie mia mimi maryam mariam miriam molly polly marija masha marya maja
mark marcus markus marc marco marek marcos
martha marta
martin marty martino marcin
matthew matthias matt mateo matteo mathias mathieu mateusz matias
maximilian max massimiliano maksymilian maxim
michael mike michi mick mikey miguel michele michel micha michal misha mikhail mikael
monika monica moni
nathan nathaniel nate
olaf ole oliver olli
patricia pat patty tricia patrizia
patrick pat paddy patricio patrizio
paul pablo paolo pavel pawel pauli
peter pete pedro pietro pierre piotr petr pjotr petra
philip philipp phil felipe filippo philippe filip
rainer reiner reinhard
raphael rafael rafaele raffaele rafal
rebecca becky rebekka
richard rick ricky dick rich ricardo riccardo ryszard
robert bob bobby rob robbie roberto bert
roland orlando rolando
rosa rose rosie rosalie rosi
rudolf rudi rodolfo rolf
samuel samantha sam sammy
sebastian basti bastian sebastien
siegfried sigi
simon simone szymon
sofia sophie sophia zofia
stefan steven stephen steve stephan stefano esteban etienne szczepan stepan
stefanie stephanie steffi stefania
susanne susan sue suzanne susi susanna susana zuzanna
teresa theresa tess terry resi therese
theodor theodore ted theo teodoro fedor
thomas tom tommy tomas tommaso tomasz
timothy tim timo timmy
ulrich uli ulli ulrike
valentin valentino walenty
victor viktor vittorio wiktor vic
victoria vicky viktoria vittoria
vincent vinzenz vince vicente vincenzo wincenty
vladimir wladimir volodymyr vlad vova wlodzimierz
walter gualtiero walt
werner verner
wilhelm william will willi willy bill billy guillermo guglielmo guillaume wilhelmina liam
wolfgang wolf wolfi
zachary zach zack
"""


def _table() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_GROUPS.split("\n")):
        for name in line.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


_TABLE = _table()
_NONE: frozenset[int] = frozenset()


def akin(one: str, other: str) -> bool:
    """Whether two first names, folded, may be one person's: "bob" and "robert"."""
    return not _TABLE.get(one, _NONE).isdisjoint(_TABLE.get(other, _NONE))
