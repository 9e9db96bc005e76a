"""The words that invented people and companies are made of."""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


FIRST = _words("""
    Ava José Hannah Ravi Omar Liam Tomás Zoë Niamh Søren Ingrid Pavel Ahmed Mia Noah Émile Björn Aïcha
    Diego Nadia Yuki Chloë Lars Fatima Oskar Lucía Mateus Wei Priya Katarzyna Jürgen Maëlle Ivan Amara
    Kofi Leila Elif Hugo Rosa Viktor Selma Marta Anton Greta Bruno Clara Dmitri Esther Farah Gabriel
""")

LAST = _words("""
    Ali Kim Moreau O'Brien Novák Müller Lindqvist Fischer Petrov Nguyen Tanaka Kowalski Haddad Rossi
    Murphy Chen García Jensen Okafor Singh Dubois Costa Yılmaz Schmidt Andersson Ricci Byrne Sato Vance
    Abara Osei Holt Ferrand Valdor Quill Brandt Keller Lopez Marin Nash Oduya Park Reyes Stone Thorne
    Ueda Vidal Walsh Xu Zeman
""")

STEMS = _words("""
    Acme Fjord Mosaic Dune Borealis Iris Lumen Tundra Gantry Quarry Cobalt Sable Harbor Juniper Kestrel
    Meridian
""")

KINDS = _words("""
    Logistics Labs Foods Systems Group Energy Health Textiles
""")

TITLES = (
    ("Head of Sales", "Head", "Sales"),
    ("CTO", "CXO", "Engineering"),
    ("CFO", "CXO", "Finance"),
    ("VP Marketing", "Vice President", "Marketing"),
    ("RevOps Manager", "Manager", "Operations"),
    ("HR Business Partner", "Senior", "Human Resources"),
    ("Account Executive", "Entry Level", "Sales"),
    ("Data Engineer", "Senior", "Engineering"),
    ("Customer Success Lead", "Manager", "Customer Success"),
    ("Product Manager", "Manager", "Product"),
)
CITIES = (
    ("US", "United States", "San Francisco"),
    ("US", "United States", "Denver"),
    ("FR", "France", "Lyon"),
    ("GB", "United Kingdom", "Leeds"),
    ("DE", "Germany", "Berlin"),
    ("AU", "Australia", "Sydney"),
)
INDUSTRIES = (
    "Logistics",
    "Biotechnology",
    "Food Production",
    "Computer Software",
    "Holding",
    "Energy",
    "Hospitals",
    "Textiles",
)

US_AREAS = _words("""
    201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 227 228 229 231
    234 235 239 240 248 251 252 253 254 256 260 262 267 269 270 272 274 276 279 281 283 301 302 303 304
    305 307 308 309 310 312 313 314 315 316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334
    336 337 339 341 346 347 350 351 352 353 360 361 363 364 369 380 385 386 401 402 404 405 406 407 408
    409 410 412 413 414 415 417 419 423 424 425 430 432 434 435 440 442 443 445 447 448 458 463 464 469
    470 472 475 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517 518 520 530 531
    534 539 540 541 551 557 559 561 562 563 564 567 570 571 572 573 574 575 580 582 585 586 601 602 603
    605 606 607 608 609 610 612 614 615 616 617 618 619 620 623 626 628 629 630 631 636
""")
