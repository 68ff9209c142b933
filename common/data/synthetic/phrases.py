"""What the made-up customers write: phrases by topic, urgency and tone, and what fills their gaps.

Phrases stand between bars. A gap such as {item} is filled from the list of that name, a {n} by a
number. All of it is MADE UP: no phrase is from anybody's messages.
"""

from __future__ import annotations


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


# The share of each topic, in percent.
TOPICS = {
    "delivery": 27,
    "technical": 24,
    "billing": 19,
    "account": 13,
    "returns": 10,
    "feedback": 7,
}

CORES = {
    "delivery": _phrases("""
        my {item} was supposed to arrive {when} and there is still no sign of it | where is my
        {item}? tracking says {place} for the third day | the courier left my {item} in the rain
        outside the gate | tracking {code} hasn't moved {since} | no {item} again, and no card
        through the letterbox | your driver marked my {item} as delivered but nobody rang the bell
        | is there any way to find out when the {item} gets to {place}? | the {item} has been
        sitting in the {place} depot {since} | can I still change the address for order {code}? |
        dispatch date moved again, now {when} | I took the day off for a delivery slot that nobody
        kept | the parcel went to {place} instead | which carrier do you ship the {item} with? |
        left with a neighbour I have never heard of | two out of three boxes turned up, the {item}
        is missing | do you ship to {place}? | said out for delivery at 7 this morning and then
        nothing | shipment {code} lost in transit | could the {item} be dropped at the pickup
        point in {place}? | postcode was right, your van still went to {place} | when will the
        {item} be dispatched? | paid for next day shipping and it's been {span} | still waiting on
        the {item}
        """),
    "technical": _phrases("""
        the {device} app crashes as soon as I open it | getting error {code} on my {device}
        {since} | is the service down in {place}? nothing loads | since the update my {device}
        keeps freezing | streaming stops every few minutes on the {device} | no signal in {place}
        {since} | the website only shows a blank page on {device} | search is broken, it returns
        nothing at all | my {device} won't connect to wifi any more | notifications stopped
        working on {device} | sound cuts out whenever I plug in the {device} | the checkout button
        does nothing on {device} | the map in the app is stuck on {place} | internet drops out
        every evening around eight | the firmware update bricked my {device} | bluetooth pairing
        fails with the {device} | playlist disappears when I restart the {device} | screen goes
        black after the logo | does version {version} run on a {device}? | pages take ages to
        load, speed test says {version} | video is blurry and out of sync on my {device} | the
        chat window hangs at connecting | downloads get stuck at 99 percent | is anyone else
        having an outage in {place}? | app says I'm offline although everything else works | the
        scanner can't read the code
        """),
    "billing": _phrases("""
        I was charged {amount} twice for the same {item} | why is there a {amount} fee on my bill?
        | my invoice says {amount} but the contract says something else | you took {amount} from
        my account {when} without telling me | direct debit came out early and now I'm overdrawn
        by {amount} | can I get an itemised bill for {month}? | the discount code {code} wasn't
        applied | price went up by {amount} with no warning | payment declined three times, card
        works elsewhere | what is the {amount} charge from {when} for? | please send me the
        receipt for the {item} | I cancelled in {month} and you are still billing me | how do I
        switch to paying monthly? | the student rate is gone from my statement | bank shows
        {amount} pending {since} | my voucher of {amount} can't be redeemed | do you take payment
        by bank transfer? | late fee of {amount} for a bill that never came | tax is calculated
        wrong on invoice {code} | quoted {amount}, charged double | why did my tariff change?
        """),
    "account": _phrases("""
        I can't reset my password, the mail never comes | locked out of my profile {since} |
        somebody changed the email on my account | the verification code never reaches my phone |
        how do I delete my account for good? | please update my surname to the one on my passport
        | my login works on the {device} but the profile is empty | how can I merge two profiles?
        | I need to change the phone number you have on file | two factor keeps asking for an old
        number | got a mail that someone in {place} signed in as me | my membership shows as
        expired | my loyalty points have vanished | username {person} is taken but that's me | can
        my wife be added to the family plan? | security question isn't one that I ever set | your
        system says my date of birth is wrong | I was hacked, please freeze everything | can't
        sign in with google any more | how do I opt out of the newsletter? | subscription belongs
        to {person} who left the company | it says my profile doesn't exist
        """),
    "returns": _phrases("""
        the {item} arrived broken, how do I send it back? | I'd like to exchange the {item} for a
        bigger one | where do I find the return label for {code}? | sent the {item} back {when},
        still no confirmation | is the {item} covered by the warranty? | the zip on the {item}
        tore after one wear | the {item} looks nothing like the picture, I don't want it | can I
        return the {item} without the box? | got a used {item} with scratches all over | how long
        do I have to send the {item} back? | the replacement {item} is faulty as well | returned
        it to the shop in {place}, they refused | collection of the faulty {item} was never
        arranged | wrong size {item}, need a swap | the {item} is past its date and smells off
        """),
    "feedback": _phrases("""
        big thank you to {person} at the {place} branch | {person} on the phone was an absolute
        star | love the new design | please bring back the old layout | would be nice to have a
        dark mode | have you ever thought about opening in {place}? | the queue in {place} was a
        disgrace today | your advert with the duck made us laugh out loud | staff in {place}
        couldn't care less | any plans for vegan options? | the music while on hold is torture |
        best service I've had in years, well done {person} | your new packaging is such a waste of
        plastic | great to see you sponsor the {place} marathon | a wishlist would be a lovely
        idea | hope {person} gets a raise | shop in {place} was filthy
        """),
}

# What may be either of two topics: people who read it do not agree either.
SHARED = {
    ("billing", "returns"): _phrases("""
        I'm still waiting for my refund of {amount} | when do I get my money back for the {item}?
        | refund for {code} not received | you only refunded {amount} of it
        """),
    ("delivery", "returns"): _phrases("""
        you sent me the wrong {item} | half of the {item} is missing from the box | the box was
        open and the {item} damaged | I refused the parcel, what happens now?
        """),
    ("account", "technical"): _phrases("""
        I can't log in on my {device} | it keeps logging me out | the app won't accept my details
        | sign up page just reloads
        """),
    ("account", "billing"): _phrases("""
        please cancel my subscription | I never signed up for premium | how do I change the card
        on file? | my free trial turned into a contract
        """),
    ("delivery", "feedback"): _phrases("""
        your driver in {place} was so rude | the courier drove over our lawn | why don't you pack
        things properly?
        """),
    ("feedback", "technical"): _phrases("""
        the latest update is awful | the website is a maze | your chat bot is useless
        """),
}

# Later messages of a conversation: what they are about is in the ones before.
FOLLOW_UPS = _phrases("""
    any update? | still nothing | sent you a DM | ok thank you | thanks! | done | just did that |
    yes | no, same as before | I already told your colleague {person} | have you read my last
    message? | that's what I did, twice | thanks {person}, that worked | it's {code} | how long
    will that take? | I've been on hold for {span} | nobody called me back | see screenshot |
    since {when} | ok will try | that link doesn't open | you said {span}, it's been longer | 👍 |
    what else do you need from me? | {place} | same problem again today | NA | null |
    never mind, sorted
    | hello?? | can you look into it please
""")

OPENINGS = {
    "negative": _phrases("""
        seriously | wow | unbelievable | great job | come on | ugh | so | wtf | are you kidding |
        not happy | well done, again | honestly | shocking | really?? | oh look | again
        """),
    "neutral": _phrases("""
        hi | hello | hey | good morning | hi there | quick question | hey team | excuse me |
        morning | hi, me again | evening all | dear team | question | hello, can you help me
        """),
    "positive": _phrases("""
        hi lovely people | hey team | hi guys | hello folks | good afternoon | dear all | wow |
        shout out | yay | happy customer here
        """),
}

ENDINGS = {
    "negative": _phrases("""
        this is a joke | absolutely ridiculous | worst service ever | sort it out | disgusted | so
        done with you | never buying from you again | fuming right now | how is that acceptable |
        you should be ashamed | I've lost all patience | switching to someone else | pathetic |
        what a waste of time | don't bother replying with a template | smh | beyond disappointed |
        useless, as always | I want a manager | nobody seems to care | third time this month | get
        your act together | poor show | no apology, no nothing | it's a complete shambles
        """),
    "neutral": _phrases("""
        can you check please? | please advise | what can I do? | thanks in advance | let me know |
        any ideas? | can someone help? | cheers | is that normal? | what do you suggest? | thank
        you | who do I speak to? | how does that work? | please get in touch | details in DM
        """),
    "positive": _phrases("""
        thank you so much | keep it up | you're always so helpful | made my day | much appreciated
        | you rock | big fan of yours | otherwise really pleased | thanks a million | great work |
        can't recommend you enough | love you lot | five stars from us | so pleased
        """),
}

URGENCIES = {
    "high": _phrases("""
        I need this by tonight | urgent, please | asap | we leave for {place} in two hours | I
        can't work without it | my rent is due today | it's an emergency | need an answer today |
        the wedding is tomorrow | I'm stranded in {place} | my mother depends on it | help right
        now | the exam starts in an hour | somebody is using my money as we speak | last chance
        before I call a lawyer | there's a baby in this house and no heating | please hurry | my
        shop stands still because of it
        """),
    "normal": _phrases("""
        I'd expect an answer this week | can it be fixed soon? | been like that {since} | I've
        tried everything on your help page | it's been {span} now
        """),
    "low": _phrases("""
        no rush | whenever you have a minute | just wondering | not a big deal | only curious |
        just so you know | for next time | no need to reply | just a thought | when you get round
        to it | asking for a friend | not urgent | just thought I'd mention it
        """),
}

# Said around any topic.
CONTEXTS = _phrases("""
    I've been a customer since {year} | {person} told me to write here | my order number is {code}
    | I spent {span} on hold {when} | your help page sends me round in circles | I live near
    {place} | it was a birthday present for my daughter | the email address for complaints bounces
    | my neighbour has the same thing and hers is fine | I'm in a wheelchair and can't just pop in
    | I work nights so calling you is hard | the branch in {place} knew nothing about it | this
    happened in {month} as well | two kids and a dog are waiting here | reference {code} | your
    colleague {person} promised to ring back | I have photos if you need them | I already filled
    in the form on the website | according to the leaflet it should be simple | my husband tried
    as well with no luck | I'm travelling through {place} at the moment | the lady at the counter
    shrugged | it was fine until {when} | we moved to {place} in {month} | I read your terms and
    found nothing on this | a mate of mine switched already | I pay more than {amount} a month |
    English isn't my first language, sorry | twitter is my last resort | it's my first time using
    you | the cat is not impressed either | typing this on a train near {place} | granny is ninety
    and won't use a computer | all of my colleagues use you | I've got three of your letters with
    three answers | the phone line cuts off after the menu | I waited until after the bank holiday
    | my flatmate {person} set it up | it's for a charity in {place} | I'm a nurse on the ward
    until eight | the instructions are only in Danish | my lawyer friend laughed | we run a bakery
    and open at five | the hold tune is stuck in my head | my landlord needs proof of it | there
    was a thunderstorm the same evening | it worked perfectly at my parents' house | I even bought
    new batteries | the barcode is smudged | our village has no other shop | my therapist says I
    should stay calm | the leaflet mentions a hotline that doesn't exist | I'm the treasurer of a
    choir | my boss is breathing down my neck | everything else in the parcel was fine | I asked
    the robot and it quoted a poem | the plumber is standing in the kitchen | you got a glowing
    review in the paper, why | it's raining and I'm holding a giant cactus | my grandson is crying
    over it | I teach maths and even I can't follow this | the manual has a different picture |
    your opening hours online are wrong too | my old provider never had that problem | I've
    switched it off and on again, twice | the lift is out of order so stairs only | I wrote a
    proper letter, with a stamp | it's written in tiny grey letters at the bottom | a refreshing
    honest answer would help | we're on holiday with patchy reception | last year's model was
    better | I can send a video of the noise | the seller blames you and you blame the seller | I
    only have the paper slip | the kids want their cartoons | our broker recommended you | my
    insurance wants it in writing | I clicked every single button | half the street complains |
    your rival does this in a minute | I saw the same on a forum | snow can't be the excuse this
    time
""")

ITEMS = _phrases("""
    order | parcel | package | delivery | phone | jacket | shoes | router | card | ticket | laptop
    | sofa | mattress | headphones | dress | book | game | sim card | charger | kettle | groceries
    | contact lenses | wardrobe | trainers | bike helmet | passport cover | vacuum | hoodie | lamp
    | garden table | tent | watch strap | coffee machine | toner | pram | guitar | printer |
    fridge | prescription | cat food | curtains | rucksack | hard drive | swimsuit
""")

DEVICES = _phrases("""
    phone | iphone | android | laptop | tablet | tv | ipad | pixel | macbook | smart tv | console
    | windows pc | chromebook | watch | firestick | speaker | galaxy | thermostat | headset |
    kindle | router | doorbell | car stereo | set top box | projector | nokia
""")

PEOPLE = _phrases("""
    Anna | Ben | Carlos | Dina | Emre | Farah | Greg | Hanna | Ivo | Jess | Kofi | Lena | Mo |
    Nina | Omar | Priya | Quinn | Rosa | Sam | Tess | Uma | Vik | Wanda | Yusuf | Zoe | Alistair |
    Bronwyn | Chidi | Declan | Esther | Fergus | Gemma | Hector | Imogen | Jorge
""")

MONTHS = _phrases("""
    january | february | march | april | may | june | july | august | september | october |
    november | december | spring | the summer
""")

DAYS = _phrases("""
    yesterday | today | on monday | last week | on friday | this morning | on tuesday | last night
    | on the {n}th | at {n} o'clock | two days ago | on saturday | over the weekend | on wednesday
    | on thursday | last sunday | by noon | at lunchtime | {n} days ago
""")

SPANS = _phrases("""
    {n} days | {n} hours | two weeks | a week | {n} minutes | ages | half an hour | a month |
    forever | three weeks | {n} weeks | a fortnight
""")

EMOJI = _phrases("""
    😡 | 😂 | 🙏 | 👍 | 😭 | 🙂 | 💔 | 🤔 | ❤️ | 🙄 | 😤 | 🤦 | 😊 | 🎉 | 😢 | 🤬
""")

TAGS = _phrases("""
    fail | customerservice | help | badservice | notimpressed | disappointed | rant | lost |
    neveragain | joke | thankyou | fixit | firstworldproblems | why | scam | happycustomer
""")

# Names of places and people's handles are put together from these.
STARTS = _phrases("""
    Brin | Cal | Dun | East | Fal | Glen | Har | Ing | Kel | Lang | Mar | Nor | Oak | Pen | Quar |
    Ros | Stan | Thorn | Up | Vel | West | Yar | Ash | Black | Crom | Dray | Elm | Fen | Gris |
    Hazel | Iver | Jed | Lock | Mill | Nether | Ot | Pad | Rad | Sel
""")

ENDS = _phrases("""
    moor | bury | ford | ham | wick | ton | leigh | by | combe | dale | stead | worth | field |
    mouth | haven | borough | cross | well | hurst | gate | ridge | port | thorpe
""")

SHORT = {
    "please": "pls",
    "you ": "u ",
    "your ": "ur ",
    "because": "bc",
    "thanks": "thx",
    " are ": " r ",
    "about": "abt",
    " to ": " 2 ",
    "people": "ppl",
    "though": "tho",
    "going to": "gonna",
}
