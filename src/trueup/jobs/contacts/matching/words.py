"""Words that stand in names and addresses and tell nobody apart, folded."""

from __future__ import annotations

_TITLES = """
dr prof mr mrs ms miss sir herr frau dipl ing mag med phil jur rer nat mba phd md bsc msc ba ma mme mlle monsieur madame dott ssa sig sra don dna
fr hr hon rev
"""
_PARTICLES = (
    "von van de der den del della di da do dos das du la le les el al bin ben ibn ter ten zu zum zur af av of y e"
)
_LEGAL = """
gmbh ag kg ohg ug mbh ev inc ltd llc llp plc corp co company sa sas sarl srl spa bv nv ab as oy aps kft sro the und and
"""
_ROLES = """
info office kontakt contact mail post hello hallo sales support admin service team buero reception empfang sekretariat secretary webmaster
noreply no-reply marketing presse press jobs hr billing accounting buchhaltung invoice rechnung bestellung orders shop help verwaltung
kanzlei praxis contacto ufficio amministrazione accueil biuro kundenservice
"""

TITLES = frozenset(_TITLES.split())
PARTICLES = frozenset(_PARTICLES.split())
LEGAL = frozenset(_LEGAL.split())
ROLES = frozenset(_ROLES.split())
"""What stands before the @ of addresses that many people read."""
GENERATIONS = {
    **dict.fromkeys(("jr", "jun", "junior"), "junior"),
    **dict.fromkeys(("sr", "sen", "senior"), "senior"),
    **{one: one for one in ("ii", "iii", "iv")},
}
