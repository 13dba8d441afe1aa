"""Sentences: hard cases per language, headings, bounds, exact offsets; the language of short questions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.sentences import MAX_SENTENCE_CHARS, detect_language, split_sentences

# One text per line; " | " stands where a new sentence begins.
CASES = {
    "de": """
        Am 18. Februar trafen sich die Außenminister. | Danach reisten sie ab.
        Ende des 19. Jahrhunderts war das anders. | Heute nicht mehr.
        Der 3. Oktober ist ein Feiertag.
        Der 3. Strafsenat hob das Urteil auf. | Der für Betrug zuständige 3. Strafsenat schwieg.
        Das entschied der Bundesgerichtshof, 3. Strafsenat, am Montag.
        Das 2. Quartal war gut. | Die 14. Kalenderwoche begann. | Im 19. Jahrhundert war das anders.
        Die neue, große 9. Panzerdivision und die frühere 2. Herrenmannschaft kamen.
        Funde reichen ins 11./10. Jahrhundert zurück. | Es war die 14.000. Folge.
        Die Stadt steht an 15. Stelle. | Gegen 1. FC Lindau verlor sie.
        Er kam am 3. | Dann ging er. | Das war 2019. | Danach kam nichts.
        Die Polizei meldete 12. | Augenzeugen sahen mehr. | Es waren mehr als 400. | Tote gab es nicht.
        Er blieb unter den ersten 10. | Müller kam auf Platz 1. | FC Lindau stieg ab.
        Es gibt die Straßen 6, 10 und 12. | Neben ihnen liegt ein Weg.
        Es kamen mehr als 400.000. | Ende 2012 waren es weniger.
        Ludwig XIV. regierte lange. | Er starb 1715.
        Unter Ludwig XIV. | Die Kosten stiegen.
        König Carl XVI. Gustaf hat Geburtstag. | Der schwedische König Carl XVI. Gustaf kam. | Silvia auch.
        Am Montag ehrte König Carl XVI. Gustaf die Preisträger. | Es kamen Carl XVI. Gustaf, Silvia und Karl II. Otto.
        Vor Gericht sah man Heinrich XIII. Prinz Reuß und andere. | Er schwieg.
        Das sagte Papst Leo XIV. | Kardinal Marx widersprach. | Es regierte Ludwig XIV. | Frankreich war arm.
        Es gibt z. B. Äpfel und Birnen. | Sie sind reif.
        Es gibt z.B. Äpfel.
        Dort waren u. a. Deutschland und Polen vertreten.
        Nach § 5 Abs. 3 Nr. 4 BGB gilt das nicht. | Das Gericht sah es anders.
        Das kostet 3,5 Mrd. Euro im Jahr.
        Rund 50 Mio. Menschen sahen zu. | Das ist ein Rekord.
        Dr. med. Anna Schmidt leitet die Klinik.
        Prof. Dr. Hans Müller sprach als Erster.
        Die Kosten bzw. Ausgaben steigen.
        Es waren ca. 300 Gäste da.
        „Kommt er?“, fragte sie. | Niemand antwortete.
        „Das ist gut.“, sagte sie.
        “Das ist gut.”, sagte sie.
        »Das ist gut. Wir gehen«, sagte er. | Dann ging er.
        „Das ist gut. Wir gehen.“ | Danach war Ruhe.
        Er sagte: „Wir kommen. Wir bleiben.“ | Dann schwieg er.
        “Wir haben verloren. Das ist bitter”, sagte der Trainer. | Er trat zurück.
        „Halt!“ rief er laut.
        Das Treffen fand am 18.2.2025 in Genf statt. | Es dauerte lang.
        Das Treffen war am 18. 2. 2025 in Genf.
        Es begann am 18.2.2025. | Danach ging es weiter.
        Mehr dazu auf https://www.example.org/a.b/c?x=1. | Oder per Mail an info@example.org. | Ende.
        J. K. Rowling schrieb Bücher. | Sie lebt in Schottland.
        George W. Bush war Präsident. | Obama folgte ihm.
        Er zögerte ... und ging. | Dann kam er wieder.
        Der Krieg endete 1945.[4] | Danach kam der Friede.[5][Anm. 2] | „Gut so.“[6] | Er ging.
        Sie kam in Lindau an.[3] | Danach ging sie. | Die Anlage [1] steht am 3.[2] Mai offen.
        Nun ja … | Das war es.
        Er kam um 18.30 Uhr an. | Sie kam später.
        Das war im Jahr 2022. | Danach wurde es ruhig.
        Folgende Länder nahmen teil: Polen, Italien usw. | Die Schweiz fehlte.
        Der Verein Muster e. V. Berlin lud ein.
        Die Firma Müller GmbH & Co. KG ist pleite.
        Er lebte im 3. Jh. v. Chr. in Rom. | Das ist lange her.
        Der 1. und 2. Weltkrieg forderten Opfer.
        Am Dienstag, 18. Februar, begann das Treffen.
        Er erreichte Platz 3. | Berlin wurde Zweiter.
        Das ist Nr. 1 in Europa.
        Siehe S. 12 ff. | Das Buch ist gut.
        Wer kommt? | Niemand weiß es! | Wirklich niemand.
        Die Zahl sank auf 12. | Die Polizei war zufrieden.
        1. Die Regierung tritt zurück. | 2. Das Parlament wird aufgelöst.
        Das Gesetz (Art. 5 GG. Siehe oben.) gilt weiter. | Es bleibt dabei.
        Die USA u. Großbritannien waren dabei.
        St. Gallen liegt in der Schweiz. | Dort schneit es.
        Er kritisierte das (und zwar scharf!). | Sie nicht.
        Sie feierte ihren 80. Geburtstag. | Viele kamen.
        Im 21. Jahrhundert ist das so.
        Das Ergebnis lautet 2:1. | Beide Teams waren müde.
        Die Aktie stieg um 3,5 %. | Der DAX fiel.
        Der US-Präsident sprach am 5. November. | Es war Wahltag.
        Das Papier ist vertraulich (dpa). | Es liegt der Redaktion vor.
        Das war Friedrich II. | Er war König.
        Beim 4. Gipfel in Folge fehlte er.
        d. h. Die Kosten steigen weiter.
        „Er kommt am 3. Oktober. Sicher.“, sagte Dr. Meier. | Das stimmt.
        Sie fragte: „Warum?“ | Er schwieg.
        Auf dem Thron saß Elisabeth II. (67 Jahre) und regierte.
        Der Kessel braucht ca. 4 kg (8.8 lb.) Dampf pro Stunde. | Das ist viel.
        Wir sind am Ziel! | iPhone-Nutzer freuen sich.
        Die Sitzung wurde auf den 3. verschoben. | Alle stimmten zu.
        Das steht in Art. 5 Abs. 1 Satz 2 GG. | Es gilt für alle.
        Er ist Vorsitzender der SPD. | Sie führt die CDU.
        Der Bundeskanzler a. D. sprach lange. | Dann ging er.
        Er wohnt in der Hauptstr. 5 in Köln. | Dort ist es laut.
        Im Jan. 2024 war es kalt. | Im Feb. war es warm.
        Die Inflation liegt bei 2,3 Prozent. | 2023 waren es noch 5,9 Prozent.
        Nach Angaben der dpa (Stand: 18. Februar) starben 12 Menschen. | Weitere 30 wurden verletzt.
        „Wir sind bereit“, sagte er. | „Aber nicht um jeden Preis.“
        „Das ist falsch“, sagte Dr. Weber. | „Es stimmt nicht. Gar nicht.“ | Dann ging sie.
        Die „Tagesschau“ meldete es zuerst. | „Die Zeit“ folgte.
        Was wollte er? | Und warum? | Das blieb offen.
        Er kommt mit der 3. Welle. | Die vierte folgt.
        In der 2. Liga spielt der Verein seit 2019. | Der Trainer heißt Meyer.
        Der FC Bayern gewann mit 3:0. | Müller traf in der 45. Minute.
        Die Nr. 1 der Welt verlor. | Das überraschte viele.
        Das ist das 5. Kapitel. | Das 6. Kapitel folgt.
        Zum 75. Jahrestag kamen viele. | Zum 80. noch mehr.
        Er wurde am 3.10.1990 geboren. | Am 4.10. ging es weiter.
        Sie zahlten 5 Mio. | Die anderen zahlten nichts.
        Es gibt vier Gruppen: A, B, C usw. | Jede ist wichtig.
        Er sagte „Nein!“ und ging. | Sie blieb.
        Das Konzert (Beginn: 20 Uhr.) war ausverkauft. | Alle freuten sich.
        Prof. em. Dr. h. c. Karl Schmidt starb. | Er wurde 90.
        Die Fa. Müller zog nach Bad Homburg v. d. Höhe. | Das war teuer.
        Geb. am 1. Mai. | Gest. am 2. Juni.
        Vgl. dazu Kap. 3. | Siehe auch S. 15.
        Laut Hrn. Müller sei alles gut. | Frau Dr. Schulz widersprach.
        Das gilt i. d. R. nicht. | Ausnahmen gibt es.
        Er lief ca. 10 km. | Sie lief ca. 12 km.
        Papst Johannes Paul II. starb 2005. | Benedikt XVI. folgte ihm.
        Beim G20-Gipfel trafen sich u. a. Biden, Xi u. Scholz. | Brandt fehlte.
        Kosten: 5,- Euro. | Das ist günstig.
        Sie sagte: »Ich gehe.« | Er blieb.
        Er fragte sich: Warum ich? | Niemand antwortete.
        Das Unternehmen (Umsatz: 3 Mrd. Euro) wächst. | 2024 soll es an die Börse.
        Die Zahl der Toten stieg auf 41.000. | Tausende werden vermisst.
        „Wann endet das?“, „Wer zahlt?“ – solche Fragen stellten viele. | Antworten gab es nicht.
        Das Haus Nr. 7a steht leer. | Es gehört der Stadt.
        Am Mo. 3. März ist frei. | Am Di. wird gearbeitet.
        Die Drs. 20/1234 liegt vor. | Die Beratung folgt.
        Er verwies auf Punkt 3. | Der Vertrag sei klar.
        Sie landete um 14.30 Uhr in Berlin. | Um 15 Uhr sprach sie.
        Die Partei erhielt 12,5 v. H. der Stimmen. | Das reichte nicht.
        So etwas gab es „noch nie.“ | Das sagte er mehrfach.
        Er kam … | Doch sie war weg.
        Das Interview führte Max. | Die Fotos machte Eva.
    """,
    "en": """
        Mr. Smith went to Washington. | He came back.
        Dr. J. K. Miller met Mrs. Jones at 5 p.m. on Monday. | They talked.
        The U.S. Army said so. | It was wrong.
        He lives in the U.S. | He likes it.
        “It is good. We go,” he said. | Then he left.
        "Why?" he asked. | Nobody answered.
        “Why?” Smith asked. | No one knew.
        It rose 3.5 percent, i.e. a lot. | Analysts were happy.
        Apple Inc. reported earnings. | Shares rose.
        See fig. 3 and vol. 2 for details.
        Visit www.example.com. | Or write to a.b@example.com. | Thanks.
        He waited... and waited. | Then it came.
        He said: “We came. We saw.” | She laughed.
        St. Louis is a city. | It is big.
        It happened on Jan. 5, 2024. | Nobody died.
        Sen. John McCain voted no. | The bill failed.
        The company, founded in 1990, grew. | In 2000 it failed.
        No. 5 is alive. | Nobody believed it.
        World War II. | The end.
        Was it true? | Yes! | Absolutely.
        They met at 10 a.m. | The talks ended at noon.
        Washington D.C. | The capital.
        So do I. | He does not.
        Smith et al. The paper is wrong.
        (He left early. She stayed.) | They met later.
        The meeting was held on Feb. 18 in Geneva. | It lasted hours.
        Gov. Smith and Lt. Col. Jones attended. | They left early.
        The firm, e.g. Acme Corp., grew. | Others shrank.
        “We won,” he said. | “It was hard.”
        “We won. It was hard,” he said. | The crowd cheered.
        She asked, “Is it over?” | He nodded.
        He paid $3.5 million. | The U.K. paid more.
        Prime Minister Tony Blair et al. signed it. | It failed.
        It is 5 p.m. Eastern time. | They wait.
        John F. Kennedy was shot. | L. B. Johnson followed.
        It cost approx. 5 euros. | Nobody cared.
        She has a Ph.D. in law. | He has an M.A. in art.
        Yes. | No. | Maybe.
        Items: a, b, etc. | The rest follows.
    """,
    "fr": """
        M. Macron a rencontré Mme Le Pen. | Ils ont parlé.
        « C'est bien. Nous partons », a-t-il dit. | Puis il est parti.
        Louis XIV. | Il régna longtemps.
        Il a payé 3,5 millions d'euros. | C'est beaucoup.
        Où est-il ? | Personne ne sait.
        Le 18 février, M. Novak est arrivé. | Il a parlé.
        « Nous sommes prêts. Très prêts. » | Il est parti.
        Selon l'art. 5, c'est interdit. | Voir p. 12.
    """,
    "tr": """
        18. yüzyılda oldu. | Sonra bitti.
        2. Dünya Savaşı 1945'te bitti. | Herkes sevindi.
        Prof. Dr. Ahmet Yılmaz konuştu. | Toplantı bitti.
        “Geldik. Gördük.” dedi.
        Kim geldi? | Hiç kimse.
        Toplantı 18 Şubat 2025'te yapıldı. | Novak katıldı.
        12. Cumhurbaşkanı Erdoğan konuştu. | Salon doluydu.
        Bkz. s. 12. | Devamı var.
    """,
    "ru": """
        В 2022 г. Германия объединилась. | Затем начались выборы.
        Это т. е. почти всё. | Но не всё.
        А. С. Пушкин родился в Москве. | Он был поэтом.
        «Мы придём. Мы останемся», — сказал он. | Потом он ушёл.
        Это стоит 5 млн руб. в год. | Это дорого.
        Он живёт на ул. Ленина. | Там тихо.
        В 1945 г. война закончилась. | Начался мир.
        «Это правда?» — спросил он. | Она молчала.
        Население — 5 тыс. человек. | Площадь — 10 кв. км.
        С. В. Новак приехал в г. Казань. | Его встретили.
    """,
    "es": """
        El Sr. García llegó tarde. | Nadie lo vio.
        ¿Quién es? | ¡No lo sé! | Es él.
        EE. UU. anunció sanciones. | Rusia respondió.
        La Dra. López habló el 3 de mayo. | Fue breve.
        El 18 de febrero llegó el Sr. Novak. | Habló poco.
        «Es cierto. Muy cierto», dijo. | Luego se fue.
        Pág. 5 del art. 3. | Véase también.
    """,
    "it": """
        Il Sig. Rossi è arrivato. | Poi è partito.
        «È vero. Lo so», ha detto. | Nessuno ha risposto.
        Il dott. Bianchi parlò alle 5.30. | Era tardi.
        L'on. Bianchi parlò. | La sig.ra Rossi rispose.
        Nel 44 a.C. Cesare morì. | Roma pianse.
    """,
    "pl": """
        W 2022 r. Polska weszła do Unii. | Następnie wprowadzono wybory.
        To np. Warszawa i Kraków. | Są piękne.
        Prof. dr hab. Jan Nowak mówił długo. | Wszyscy słuchali.
        „Przyszedłem. Zobaczyłem” – powiedział. | Potem wyszedł.
        Dnia 18 lutego 2025 r. odbyło się spotkanie. | Trwało długo.
        Ul. Długa 5 jest zamknięta. | Jedźcie inaczej.
    """,
    "zh": """
        你好。 | 我来了！ | 真的吗？
    """,
    "ar": """
        من حضر؟ | هذا جيد. | نعم.
    """,
    "hi": """
        यह है। | वह है।
    """,
    "nl": """
        Dhr. Jansen kwam om 15.00 uur. | Hij sprak o.a. over geld.
    """,
    "pt": """
        O Sr. Silva chegou. | A Dra. Costa saiu.
    """,
    "cs": """
        Dne 18. února 2025 se sešli. | Jednali dlouho.
        Např. Praha a Brno. | Jsou krásné.
    """,
    "ja": """
        今日は晴れです。 | 明日は雨でしょう。 | 「行く。」と言った。
    """,
    "el": """
        Ποιος ήρθε; | Κανείς. | Τέλος.
    """,
}

QUESTIONS = {
    "de": """
        Wer war dabei?
        Wer nahm auf russischer Seite teil?
        Wann war das Treffen?
        Wo fand es statt?
        Warum nicht?
        Was sagte Novak?
        Wie viele Tote?
        Und wann?
        Wer ist Novak?
        Nennt der Artikel Gründe?
        Was ist in Genf passiert?
        Was sagte Novak zur NATO?
        Treffen in Genf
        Grundsicherung Höhe 2024
        Wer hat gewonnen?
        Wie hoch ist die Inflation?
        Welche Länder waren vertreten?
        Gab es Verletzte?
        Wen traf der Kanzler?
        Seit wann läuft der Streik?
        Was fordert die Opposition?
        Stimmt das?
        Wie viel kostet das Ticket?
        Ist Novak zurückgetreten?
        Sicherheitsgarantien
    """,
    "en": """
        Who attended on the Russian side?
        Who was there?
        When was the meeting?
        Where did it take place?
        Why not?
        What did Novak say?
        How many people died?
        Is Paris involved?
        And who else?
        Who is Novak?
        meeting in Geneva
        Did Nixon call Brandt?
        Who won?
        How high is inflation?
        Which countries were represented?
        Were there any injuries?
        Whom did the chancellor meet?
        Since when has the strike been on?
        What does the opposition demand?
        Is that true?
        How much is the ticket?
        Has Novak resigned?
        Tell me more
    """,
    "fr": """
        Qui a participé ?
        Qui était là ?
        Quand a eu lieu la réunion ?
        Où ?
        Pourquoi pas ?
        Qu'a dit Novak ?
        Combien de morts ?
        Qui représentait la Russie ?
        Qui a gagné ?
        Quel est le taux d'inflation ?
        Quels pays étaient représentés ?
        Y a-t-il des blessés ?
        Est-ce vrai ?
        Combien coûte le billet ?
        Macron a-t-il démissionné ?
    """,
    "es": """
        ¿Quién participó?
        ¿Cuándo fue la reunión?
        ¿Dónde ocurrió?
        ¿Por qué no?
        ¿Qué dijo Novak?
        ¿Cuántos muertos hubo?
        Quien estaba del lado ruso
        ¿Quién ganó?
        ¿Cuánto cuesta la entrada?
        ¿Qué países participaron?
        ¿Hubo heridos?
        ¿Es verdad?
        ¿Dimitió Sánchez?
    """,
    "it": """
        Chi ha partecipato?
        Quando è stato l'incontro?
        Dove si è svolto?
        Perché no?
        Che cosa ha detto Novak?
        Quanti morti?
        Chi c'era?
        Chi ha vinto?
        Quanto costa il biglietto?
        Quali paesi erano presenti?
        Ci sono feriti?
        È vero?
    """,
    "pt": """
        Quem participou?
        Quando foi a reunião?
        Onde aconteceu?
        O que disse Novak?
        Quantos mortos?
        Quem ganhou?
        Quanto custa o bilhete?
        Que países participaram?
        Há feridos?
    """,
    "nl": """
        Wie was erbij?
        Wanneer was de bijeenkomst?
        Waar vond het plaats?
        Waarom niet?
        Wat zei Novak?
        Hoeveel doden?
        Wie heeft gewonnen?
        Hoeveel kost het kaartje?
        Welke landen waren aanwezig?
        Zijn er gewonden?
    """,
    "pl": """
        Kto brał udział?
        Kiedy było spotkanie?
        Gdzie to się stało?
        Dlaczego nie?
        Co powiedział Novak?
        Ilu zginęło?
        Kto wygrał?
        Ile kosztuje bilet?
        Jakie kraje były obecne?
        Czy są ranni?
        Czy to prawda?
    """,
    "tr": """
        Kim katıldı?
        Toplantı ne zaman oldu?
        Nerede?
        Neden?
        Novak ne dedi?
        Kaç kişi öldü?
        Rus tarafında kimler vardı?
        Kim kazandı?
        Bilet ne kadar?
        Hangi ülkeler katıldı?
        Yaralı var mı?
        Doğru mu?
        Enflasyon kaç?
    """,
    "ru": """
        Кто участвовал?
        Когда была встреча?
        Где это было?
        Почему?
        Что сказал Новак?
        Сколько погибших?
        Кто был с российской стороны?
        Кто победил?
        Сколько стоит билет?
        Какие страны участвовали?
        Есть ли раненые?
        Это правда?
        О чём говорил Новак?
    """,
    "uk": """
        Хто брав участь?
        Коли була зустріч?
        Де це сталося?
        Що сказав Новак?
        Чому?
        Хто переміг?
        Скільки коштує квиток?
        Які країни брали участь?
        Чи є поранені?
    """,
    "cs": """
        Kdo se zúčastnil?
        Kdy byla schůzka?
        Co řekl Novak?
        Kdo vyhrál?
        Kolik stojí lístek?
        Je to pravda?
    """,
    "sv": """
        Vem deltog?
        När var mötet?
        Vad sa Novak?
        Vem vann?
        Hur mycket kostar biljetten?
    """,
    "da": """
        Hvem deltog?
        Hvornår var mødet?
        Hvad koster billetten?
    """,
    "ro": """
        Cine a participat?
        Când a fost întâlnirea?
        Cine a câștigat?
        Cât costă biletul?
    """,
    "hu": """
        Ki vett részt?
        Mikor volt a találkozó?
        Ki nyert?
        Mennyibe kerül a jegy?
    """,
    "el": """
        Ποιος συμμετείχε;
        Ποιος κέρδισε;
    """,
    "ar": """
        من حضر؟
        متى كان الاجتماع؟
        من فاز؟
    """,
    "zh": """
        谁参加了？
        谁赢了？
    """,
    "ja": """
        誰が参加しましたか？
        誰が勝ちましたか？
    """,
    "ko": """
        누가 참석했습니까?
        누가 이겼나요?
    """,
    "fi": """
        Kuka voitti?
        Paljonko lippu maksaa?
    """,
}


def lines(table: dict[str, str]) -> list[tuple[str, str]]:
    """Language and stripped line of everything in a table."""
    return [
        (language, line.strip()) for language, block in table.items() for line in block.strip().splitlines()
    ]


def split(text: str, language: str = "de") -> list[str]:
    return [text[sentence.start : sentence.end] for sentence in split_sentences(text, language)]


def headings(text: str, language: str = "de") -> list[str]:
    return [text[s.start : s.end] for s in split_sentences(text, language) if s.heading]


@pytest.mark.parametrize(("language", "case"), lines(CASES))
def test_hard_case(language: str, case: str) -> None:
    assert split(case.replace(" | ", " "), language) == case.split(" | ")


@pytest.mark.parametrize(("language", "question"), lines(QUESTIONS))
def test_language_of_a_short_question(language: str, question: str) -> None:
    assert detect_language(question) == language


@pytest.mark.parametrize("text", ["", "12", "…?", "UN", "Novak", "Maria Novak", "NATO 2025"])
def test_language_of_no_words_or_names_only_is_unsure(text: str) -> None:
    assert detect_language(text) == ""


def test_language_of_a_long_text_is_told_from_its_beginning() -> None:
    assert (
        detect_language("Das ist ein Satz, der nicht aufhört. " * 1000 + "And this is not. " * 9000) == "de"
    )


def test_quotation_without_whitespace_before_the_full_stop_at_line_end() -> None:
    assert split("»Ich gehe«.") == ["»Ich gehe«."]


def test_long_quotation_is_split_inside_and_keeps_its_speaker() -> None:
    inner = "Das ist ein Satz der Rede und er ist recht lang. " * 12
    sentences = split(f"„{inner}Das war es“, sagte sie. Dann ging sie.")
    assert len(sentences) == 14
    assert sentences[-2:] == ["Das war es“, sagte sie.", "Dann ging sie."]


def test_quote_mark_without_partner_does_not_swallow_what_follows() -> None:
    assert split("Er sagte: „Das ist gut. Dann ging er. Sie blieb.") == [
        "Er sagte: „Das ist gut.",
        "Dann ging er.",
        "Sie blieb.",
    ]


def test_lost_space_behind_a_full_stop_does_not_hide_the_end() -> None:
    assert split("Dort kam er bald.Der Zug fuhr weiter. Mehr auf Beispiel.De und www.example.org heute.") == [
        "Dort kam er bald.",
        "Der Zug fuhr weiter.",
        "Mehr auf Beispiel.De und www.example.org heute.",
    ]


def test_lost_space_behind_a_noun_is_seen_by_the_function_word_that_follows() -> None:
    assert split("Er las den Text des Skripts.Im Mai ging er.") == [
        "Er las den Text des Skripts.",
        "Im Mai ging er.",
    ]


def test_line_ends_are_boundaries() -> None:
    assert split("Das ist\nein Satz.\n\nNoch einer") == ["Das ist", "ein Satz.", "Noch einer"]


def test_text_without_capitals_is_split() -> None:
    assert split("das ist gut. das ist schlecht. was nun?") == [
        "das ist gut.",
        "das ist schlecht.",
        "was nun?",
    ]


def test_headings_are_short_paragraphs_without_end_mark_before_text() -> None:
    text = "Der Titel\n\nEin Satz. Noch einer.\n\nEine Zwischenzeile\n\nWer war da?\n\nAlle.\n\nKeine mehr"
    assert headings(text) == ["Der Titel", "Eine Zwischenzeile", "Wer war da?"]


@pytest.mark.parametrize(
    "line",
    [
        "Ein Satz.",
        "Die Gründe:",
        "- ein Punkt",
        "„Kommt er?“",
        "Wer war da? Wer nicht?",
        "Ein Satz ohne Punkt, der so lang ist, dass er keine Überschrift mehr sein kann, "
        + "weil er nie endet " * 3,
        "18. 2. 2025",
    ],
)
def test_this_is_no_heading(line: str) -> None:
    assert headings(f"{line}\n\nDanach kommt Text.") == []


def test_four_short_lines_in_a_row_are_a_list() -> None:
    assert headings("Titel\n\nText.\n\nAnna\n\nBert\n\nCarl\n\nDora\n\nText.") == ["Titel"]


def test_last_line_is_no_heading() -> None:
    assert headings("Text.\n\nFoto: Archiv") == []


def test_sentence_of_any_length_is_bounded_and_cut_at_a_mark() -> None:
    clause = "das ist ein Teil des Satzes, der nicht endet, weil niemand einen Punkt setzt"
    sentences = split("; ".join([clause] * 60) + ".")
    assert all(len(sentence) <= MAX_SENTENCE_CHARS for sentence in sentences)
    assert all(sentence.endswith((";", ".")) for sentence in sentences)


def test_long_run_without_spaces_is_cut_at_the_bound() -> None:
    assert [len(piece) for piece in split("a" * 2500)] == [1000, 1000, 500]


# --- properties --------------------------------------------------------------------------------

_PIECES = st.lists(
    st.sampled_from(
        """Er ging . ! ? … ... „ “ ” » « " ' ( ) [ ] z. B. 18. XIV. Dr. u. a. usw. 。 ؟ ; : – 3,5 A. \n \n\n
        \u00a0 \u2028 \x85 Haus iPhone Ä""".split(" ")
    ),
    max_size=40,
).map(" ".join)
_ANY_TEXT = st.one_of(
    _PIECES, st.text(max_size=300), st.text(alphabet="aA.!?„“”\"'() \n\u00a01;", max_size=200)
)
_LANGUAGES = st.sampled_from(["de", "en", "fr", "tr", "ru", "zh", "el", "", "xx"])


@settings(deadline=None)
@given(_ANY_TEXT, _LANGUAGES)
def test_offsets_are_exact_ordered_and_cover_the_text(text: str, language: str) -> None:
    place = 0
    for n, sentence in enumerate(split_sentences(text, language)):
        assert sentence.n == n
        assert place <= sentence.start < sentence.end <= len(text)
        assert not text[place : sentence.start].strip()
        piece = text[sentence.start : sentence.end]
        assert piece == piece.strip()
        assert "\n" not in piece
        assert len(piece) <= MAX_SENTENCE_CHARS
        place = sentence.end
    assert not text[place:].strip()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_language_is_a_code_or_nothing(text: str) -> None:
    language = detect_language(text)
    assert language == "" or (len(language) == 2 and language.isalpha() and language.islower())


def test_a_note_behind_a_full_stop_ends_a_sentence_even_without_a_space() -> None:
    text = "Sie kam im Mai an.[3]Danach ging sie.[4] Am 3.[5] Mai war Ruhe."
    spans = [text[one.start : one.end] for one in split_sentences(text, "de")]
    assert spans == ["Sie kam im Mai an.[3]", "Danach ging sie.[4]", "Am 3.[5] Mai war Ruhe."]
