//! Initial data of the platform: fictional, and the same at every start.

use serde::Serialize;

/// The initial data. By default, two ordinary schools and one for synthetic traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// The schools, by id.
    pub schools: Vec<School>,
    /// The accounts that can log in.
    pub accounts: Vec<Account>,
}

/// An account that can log in. Its credentials are generated when the platform starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Unique among accounts.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// An undeliverable address, below the reserved top-level domain `example`.
    pub email: String,
    /// `admin`, `school-admin`, `teacher` or `student`.
    pub role: &'static str,
    /// Ids of the account's schools.
    pub school_ids: Vec<u32>,
    /// A code is required after the password.
    pub second_factor: bool,
}

/// A driving school. Data must not cross the border between schools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct School {
    /// Unique among schools.
    pub id: u32,
    /// The name.
    pub name: String,
    /// The city.
    pub city: String,
    /// Exists for monitoring only, and is left out of public lists, exports and statistics.
    pub synthetic: bool,
    /// Accepts online payments.
    pub online_payment: bool,
    /// The departments.
    pub departments: Vec<Department>,
    /// The teachers.
    pub teachers: Vec<Person>,
    /// The students.
    pub students: Vec<Person>,
}

/// A part of a school.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Department {
    /// Unique among departments of all schools.
    pub id: u32,
    /// The name.
    pub name: String,
}

/// A teacher or student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Unique among teachers and students of all schools.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// An undeliverable address, below the reserved top-level domain `example`.
    pub email: String,
    /// The department of this person.
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
            // For the check login: an account with a second factor, one for wrong passwords, and one without a second factor.
            // Then one account for each other check.
            account(31, "Prøve Elev", "login@syntetisk.example", "student", 3, true),
            account(32, "Prøve Forkert", "login-wrong@syntetisk.example", "student", 3, false),
            account(33, "Prøve Lærer", "plain@syntetisk.example", "teacher", 3, false),
            account(34, "Prøve Booking", "booking@syntetisk.example", "school-admin", 3, false),
            account(35, "Prøve Betaling", "payments@syntetisk.example", "school-admin", 3, false),
            Account {
                // The check compares payments of real users, so it needs their school as well.
                school_ids: vec![1, 3],
                ..account(36, "Prøve Afstemning", "reconciliation@syntetisk.example", "school-admin", 3, false)
            },
            account(37, "Prøve Besked", "notifications@syntetisk.example", "school-admin", 3, false),
            account(38, "Prøve Kø", "queues@syntetisk.example", "admin", 3, false),
        ];
        Self { schools, accounts }
    }
}

/// A school with people spread evenly over its departments. Ids start at a hundred times the school's id.
fn school(
    (id, name, city, domain): (u32, &str, &str, &str),
    departments: &[&str],
    teachers: &[&str],
    students: &[&str],
) -> School {
    let departments: Vec<_> =
        (id * 100..).zip(departments).map(|(id, name)| Department { id, name: (*name).to_owned() }).collect();
    let people = |first: u32, names: &[&str]| {
        let entries = (first..).zip(names).zip(departments.iter().cycle());
        entries
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

/// Turns a name into a mailbox: `Malene Østerby` becomes `malene.oesterby`.
fn mailbox(name: &str) -> String {
    name.to_lowercase().replace('æ', "ae").replace('ø', "oe").replace('å', "aa").replace(' ', ".")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn seed_data_is_unique_and_consistent() {
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
