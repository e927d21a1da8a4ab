//! Names of the platform's paths, fields, cookies and statuses, per flavour.

/// A set of names for the same application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// The documented names, with Laravel's defaults.
    #[default]
    Documented,
    /// Other paths, fields, cookies and statuses, bare answers, ids as strings, and 422 for a throttled log-in, as in Laravel
    /// Breeze. Proves that settings alone adapt the checks to a platform.
    Renamed,
}

/// The names of a flavour.
pub(crate) struct Names {
    pub(crate) session_cookie: &'static str,
    pub(crate) csrf_cookie: &'static str,
    pub(crate) csrf_header: &'static str,
    pub(crate) form: &'static str,
    pub(crate) form_token: &'static str,
    pub(crate) login: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    /// The status of a log-in without a body. With a body, 204 becomes 200.
    pub(crate) logged_in: u16,
    pub(crate) refused: u16,
    pub(crate) throttled: u16,
    pub(crate) challenge: &'static str,
    pub(crate) code: &'static str,
    pub(crate) logout: &'static str,
    pub(crate) logged_out: u16,
    pub(crate) me: &'static str,
    pub(crate) schools: &'static str,
    pub(crate) school: &'static str,
    pub(crate) hidden: u16,
    pub(crate) counters: &'static str,
    pub(crate) bookings: &'static str,
    pub(crate) booking: &'static str,
    pub(crate) availability: &'static str,
    pub(crate) invoices: &'static str,
    pub(crate) invoice: &'static str,
    pub(crate) student_payments: &'static str,
    pub(crate) balance: &'static str,
    pub(crate) webhook: &'static str,
    pub(crate) email_notifications: &'static str,
    pub(crate) sms_notifications: &'static str,
    pub(crate) user_notifications: &'static str,
    pub(crate) school_payments: &'static str,
    pub(crate) horizon_stats: &'static str,
    pub(crate) horizon_workload: &'static str,
    pub(crate) jobs: &'static str,
    pub(crate) job: &'static str,
    /// The status for a booking of a taken slot.
    pub(crate) taken: u16,
    pub(crate) health: &'static str,
    /// The header of the health endpoint's secret, if it requires one.
    pub(crate) health_secret: Option<&'static str>,
    pub(crate) health_disk: &'static str,
    pub(crate) health_cpu: &'static str,
    pub(crate) health_ram: &'static str,
    /// Member for disk usage in percent.
    pub(crate) health_used: &'static str,
    /// Member for the five-minute load average.
    pub(crate) health_load: &'static str,
    /// Member for memory usage in percent.
    pub(crate) health_memory: &'static str,
}

const DOCUMENTED: Names = Names {
    session_cookie: "just_driving_session",
    csrf_cookie: "XSRF-TOKEN",
    csrf_header: "x-xsrf-token",
    form: "/login",
    form_token: "_token",
    login: "/api/login",
    email: "email",
    password: "password",
    logged_in: 204,
    refused: 422,
    throttled: 429,
    challenge: "/api/two-factor-challenge",
    code: "code",
    logout: "/api/logout",
    logged_out: 204,
    me: "/api/me",
    schools: "/api/schools",
    school: "/api/schools/{school}",
    hidden: 403,
    counters: "/api/ops/metrics",
    bookings: "/api/schools/{school}/bookings",
    booking: "/api/bookings/{booking}",
    availability: "/api/teachers/{teacher}/availability",
    invoices: "/api/students/{student}/invoices",
    invoice: "/api/invoices/{invoice}",
    student_payments: "/api/students/{student}/payments",
    balance: "/api/students/{student}/balance",
    webhook: "/api/payments/stripe/webhook",
    email_notifications: "/api/notifications/email",
    sms_notifications: "/api/notifications/sms",
    user_notifications: "/api/users/{user}/notifications",
    school_payments: "/api/schools/{school}/payments",
    horizon_stats: "/horizon/api/stats",
    horizon_workload: "/horizon/api/workload",
    jobs: "/api/ops/jobs",
    job: "/api/ops/jobs/{job}",
    taken: 422,
    health: "/health",
    health_secret: None,
    health_disk: "UsedDiskSpace",
    health_cpu: "CpuLoad",
    health_ram: "UsedMemory",
    health_used: "disk_space_used_percentage",
    health_load: "last_5_minutes",
    health_memory: "memory_used_percentage",
};

const RENAMED: Names = Names {
    session_cookie: "jd_sid",
    csrf_cookie: "JD-CSRF",
    csrf_header: "x-jd-csrf",
    form: "/account/sign-in",
    form_token: "csrf",
    login: "/v2/sessions",
    email: "username",
    password: "passphrase",
    logged_in: 201,
    refused: 401,
    throttled: 422,
    challenge: "/v2/sessions/otp",
    code: "otp",
    logout: "/v2/sessions/end",
    logged_out: 200,
    me: "/v2/whoami",
    schools: "/v2/driving-schools",
    school: "/v2/driving-schools/{school}",
    hidden: 404,
    counters: "/v2/operations",
    bookings: "/v2/driving-schools/{school}/lessons",
    booking: "/v2/lessons/{booking}",
    availability: "/v2/instructors/{teacher}/free",
    invoices: "/v2/pupils/{student}/bills",
    invoice: "/v2/bills/{invoice}",
    student_payments: "/v2/pupils/{student}/receipts",
    balance: "/v2/pupils/{student}/account",
    webhook: "/v2/hooks/stripe",
    email_notifications: "/v2/letters",
    sms_notifications: "/v2/texts",
    user_notifications: "/v2/people/{user}/mail",
    school_payments: "/v2/driving-schools/{school}/receipts",
    horizon_stats: "/v2/horizon/api/stats",
    horizon_workload: "/v2/horizon/api/workload",
    jobs: "/v2/errands",
    job: "/v2/errands/{job}",
    taken: 409,
    health: "/v2/well-being",
    health_secret: Some("x-jd-health"),
    health_disk: "Disk",
    health_cpu: "Load",
    health_ram: "Ram",
    health_used: "full",
    health_load: "five",
    health_memory: "full",
};

impl Names {
    /// Returns true if Laravel's own middleware limits attempts and adds its headers to every answer. Log-in scaffolds count
    /// separately, and report nothing before the limit is reached.
    pub(crate) const fn is_throttled_by_middleware(&self) -> bool {
        self.throttled == 429
    }
}

impl Flavour {
    pub(crate) const fn names(self) -> &'static Names {
        match self {
            Self::Documented => &DOCUMENTED,
            Self::Renamed => &RENAMED,
        }
    }
}
