//! Words of synthetic offers: towns, trades, sentences. All of them made up, in the shape of real ones.

/// Towns: INSEE code, postcode, name, latitude, longitude.
pub const TOWNS: [(&str, &str, &str, f64, f64); 14] = [
    ("75056", "75001", "PARIS 01", 48.8592, 2.3417),
    ("69123", "69003", "LYON 03", 45.7597, 4.8422),
    ("13055", "13002", "MARSEILLE 02", 43.3045, 5.3678),
    ("31555", "31000", "TOULOUSE", 43.6045, 1.4440),
    ("44109", "44000", "NANTES", 47.2186, -1.5541),
    ("33063", "33000", "BORDEAUX", 44.8378, -0.5792),
    ("59350", "59800", "LILLE", 50.6292, 3.0573),
    ("67482", "67000", "STRASBOURG", 48.5734, 7.7521),
    ("35238", "35000", "RENNES", 48.1173, -1.6778),
    ("38185", "38000", "GRENOBLE", 45.1885, 5.7245),
    ("01053", "01000", "BOURG EN BRESSE", 46.2052, 5.2255),
    ("2A004", "20000", "AJACCIO", 41.9192, 8.7386),
    ("06088", "06000", "NICE", 43.7102, 7.2620),
    ("97411", "97400", "SAINT DENIS", -20.8789, 55.4481),
];

/// Trades: ROME code, its label, titles.
pub const TRADES: [(&str, &str, &str); 12] = [
    ("M1805", "Études et développement informatique", "Développeur / Développeuse web (H/F)"),
    ("M1811", "Data engineer", "Ingénieur data (H/F)"),
    ("M1403", "Études et prospectives socio-économiques", "Data analyst (H/F)"),
    (
        "M1810",
        "Production et exploitation de systèmes d'information",
        "Administrateur / Administratrice systèmes (H/F)",
    ),
    ("J1506", "Soins infirmiers généralistes", "Infirmier / Infirmière (H/F)"),
    ("K1302", "Assistance auprès d'adultes", "Auxiliaire de vie (H/F)"),
    ("N1103", "Magasinage et préparation de commandes", "Préparateur / Préparatrice de commandes (H/F)"),
    ("F1703", "Maçonnerie", "Maçon / Maçonne (H/F)"),
    ("G1602", "Personnel de cuisine", "Cuisinier / Cuisinière (H/F)"),
    ("D1106", "Vente en alimentation", "Vendeur / Vendeuse en boulangerie (H/F)"),
    ("M1203", "Comptabilité", "Comptable (H/F)"),
    ("H2903", "Conduite d'équipement d'usinage", "Tourneur-fraiseur / Tourneuse-fraiseuse (H/F)"),
];

/// Sentences of descriptions.
pub const SENTENCES: [&str; 16] = [
    "Au sein d'une équipe de douze personnes, vous prenez part à chaque étape du projet.",
    "Vous rejoignez une entreprise familiale, installée dans la région depuis trois générations.",
    "Vos missions : préparer, contrôler, améliorer, et transmettre ce que vous savez.",
    "Vous aimez travailler avec méthode et vous savez écouter.",
    "Une première expérience sur un poste semblable est appréciée.",
    "Nous vous formons à nos outils pendant les deux premiers mois.",
    "Le poste est à pourvoir dès que possible.",
    "Horaires en journée, du lundi au vendredi, avec un peu de souplesse.",
    "Vous maîtrisez Python et SQL, et vous avez déjà mis des données en production.",
    "La connaissance de Rust ou de Java serait un plus.",
    "Vous êtes à l'aise avec Docker, Kubernetes et l'intégration continue.",
    "Le permis B est nécessaire pour vous rendre chez nos clients.",
    "Vous veillez à la qualité du service et au respect des règles d'hygiène.",
    "Télétravail possible deux jours par semaine après la période d'essai.",
    "Nous étudions toutes les candidatures, sans distinction.",
    "Rémunération selon profil, mutuelle et titres restaurant.",
];

/// Employers.
pub const EMPLOYERS: [&str; 10] = [
    "ATELIERS DU FLEUVE",
    "Boréale Conseil",
    "Cité Verte Services",
    "DONNÉES & CIE",
    "Entreprise Lumière",
    "Fabrique des Halles",
    "GROUPE HORIZON SUD",
    "Intérim des Alpes",
    "Les Moulins Réunis",
    "Novatech Ouest",
];

/// Salaries of France Travail's own offers.
pub const SALARIES: [&str; 8] = [
    "Mensuel de 2000.0 Euros à 2500.0 Euros sur 12.0 mois",
    "Horaire de 11.88 Euros sur 12.0 mois",
    "Annuel de 38000.0 Euros à 45000.0 Euros sur 13.0 mois",
    "Horaire de 12.5 Euros à 14.0 Euros sur 12.0 mois",
    "Mensuel de 1850.00 Euros sur 12 mois",
    "Annuel de 42000 Euros à 52000 Euros sur 12 mois",
    "Mensuel de 2300.0 Euros sur 12.0 mois",
    "Horaire de 13.2 Euros sur 0.0 mois",
];

/// Salaries of partners' offers, the degenerate ones too.
pub const PARTNER_SALARIES: [&str; 7] = [
    "Horaire de 12,13 Euros à 12,13 Euros",
    "Mensuel de 2060,00 Euros",
    "Annuel de 26000,00 Euros à 31000,00 Euros",
    "Autre de 2300,00 Euros à 2300,00 Euros",
    "Annuel de",
    "Annuel de 12,00 Euros à 28,00 Euros",
    "Annuel de 35000,00 Euros",
];
