//! The data the platform starts with: fictional, and the same each time.

use serde::Serialize;

/// All schools. The default has two ordinary ones and one that synthetic traffic may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// The schools, by id.
    pub schools: Vec<School>,
    /// Who may log in.
    pub accounts: Vec<Account>,
}

/// Somebody who may log in. What they log in with is drawn when the platform starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Unique among accounts.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// An address that no mail reaches: the top-level domain `example` is reserved.
    pub email: String,
    /// `admin`, `school-admin`, `teacher` or `student`.
    pub role: &'static str,
    /// Of which schools.
    pub school_ids: Vec<u32>,
    /// Whether a code is asked for after the password.
    pub second_factor: bool,
}

/// A driving school: the border that data does not cross.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct School {
    /// Unique among schools.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub city: String,
    /// Whether it is there for monitoring only, and left out of public lists, exports and statistics.
    pub synthetic: bool,
    /// Whether it takes payments online.
    pub online_payment: bool,
    /// Its departments.
    pub departments: Vec<Department>,
    /// Its teachers.
    pub teachers: Vec<Person>,
    /// Its students.
    pub students: Vec<Person>,
}

/// A part of a school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Department {
    /// Unique among departments of all schools.
    pub id: u32,
    /// Its name.
    pub name: String,
}

/// A teacher or student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Unique among teachers and students of all schools.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// An address that no mail reaches: the top-level domain `example` is reserved.
    pub email: String,
    /// The department they belong to.
    pub department_id: u32,
}

impl Default for Seed {
    fn default() -> Self {
        let schools = vec![
            school(
                (1, "Fjordbyens Køreskole", "Roskilde", "fjordbyen.example"),
                &["Centrum", "Trekroner"],
                &["Astrid Holmgaard", "Jeppe Lindskov", "Malene Østerby"],
                &["Freja Dalgaard", "Emil Brorsen", "Sofie Ravnkilde", "Noah Engholm"],
            ),
            school(
                (2, "Vestkystens Trafikskole", "Esbjerg", "vestkysten.example"),
                &["Havnen", "Hjerting"],
                &["Torben Klitgaard", "Signe Vadum"],
                &["Ida Sandbæk", "Magnus Toft", "Karla Nørhede"],
            ),
            School {
                synthetic: true,
                ..school(
                    (3, "Syntetisk Køreskole", "Ingensteds", "syntetisk.example"),
                    &["Overvågning"],
                    &["Prøve Lærer"],
                    &["Prøve Elev"],
                )
            },
        ];
        let account = |id, name: &str, email: &str, role, school, second_factor| Account {
            id,
            name: name.to_owned(),
            email: email.to_owned(),
            role,
            school_ids: vec![school],
            second_factor,
        };
        let accounts = vec![
            account(11, "Astrid Holmgaard", "astrid.holmgaard@fjordbyen.example", "school-admin", 1, false),
            // One that logs in, one that wrong passwords are tried on, one without a second factor; and one for each other
            // check.
            account(31, "Prøve Elev", "login@syntetisk.example", "student", 3, true),
            account(32, "Prøve Forkert", "login-wrong@syntetisk.example", "student", 3, false),
            account(33, "Prøve Lærer", "plain@syntetisk.example", "teacher", 3, false),
            account(34, "Prøve Booking", "booking@syntetisk.example", "school-admin", 3, false),
            account(35, "Prøve Betaling", "payments@syntetisk.example", "school-admin", 3, false),
            Account {
                // Payments of real users are compared: of their school too.
                school_ids: vec![1, 3],
                ..account(36, "Prøve Afstemning", "reconciliation@syntetisk.example", "school-admin", 3, false)
            },
            account(37, "Prøve Besked", "notifications@syntetisk.example", "school-admin", 3, false),
            account(38, "Prøve Kø", "queues@syntetisk.example", "admin", 3, false),
        ];
        Self { schools, accounts }
    }
}

/// A school with people spread evenly over its departments; ids count up from a hundred times the school's.
fn school(
    (id, name, city, domain): (u32, &str, &str, &str),
    departments: &[&str],
    teachers: &[&str],
    students: &[&str],
) -> School {
    let departments: Vec<_> =
        (id * 100..).zip(departments).map(|(id, name)| Department { id, name: (*name).to_owned() }).collect();
    let people = |first: u32, names: &[&str]| {
        let places = (first..).zip(names).zip(departments.iter().cycle());
        places
            .map(|((id, name), department)| Person {
                id,
                name: (*name).to_owned(),
                email: format!("{}@{domain}", mailbox(name)),
                department_id: department.id,
            })
            .collect()
    };
    School {
        id,
        name: name.to_owned(),
        city: city.to_owned(),
        synthetic: false,
        online_payment: true,
        teachers: people(id * 100 + 10, teachers),
        students: people(id * 100 + 50, students),
        departments,
    }
}

/// A name as a mailbox: `Malene Østerby` is `malene.oesterby`.
fn mailbox(name: &str) -> String {
    name.to_lowercase().replace('æ', "ae").replace('ø', "oe").replace('å', "aa").replace(' ', ".")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_addresses_unreachable_and_people_in_a_department_of_their_school() {
        let Seed { schools, accounts } = Seed::default();
        let (mut people, mut departments) = (BTreeSet::new(), BTreeSet::new());
        for school in &schools {
            let own: BTreeSet<_> = school.departments.iter().map(|department| department.id).collect();
            assert!(own.iter().all(|id| departments.insert(*id)));
            for person in school.teachers.iter().chain(&school.students) {
                assert!(people.insert(person.id), "{person:?}");
                assert!(person.email.is_ascii() && person.email.ends_with(".example"), "{person:?}");
                assert!(own.contains(&person.department_id), "{person:?}");
            }
        }
        assert_eq!(schools.iter().filter(|school| school.synthetic).count(), 1);
        assert_eq!(schools[0].teachers[2].email, "malene.oesterby@fjordbyen.example");
        let ids: BTreeSet<_> = accounts.iter().map(|account| account.id).collect();
        assert_eq!(ids.len(), accounts.len());
        assert!(accounts.iter().all(|account| account.email.ends_with(".example")));
        assert_eq!(Seed::default(), Seed { schools, accounts });
    }
}
