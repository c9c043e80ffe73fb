using Stoa.Primitives;

namespace Stoa.Cli.Commands;

/// <summary>What an id of the API is the id of.</summary>
/// <param name="Prefix">What such ids begin with.</param>
/// <param name="Name">With its article.</param>
/// <param name="ShownBy">The command that shows one, or lists all.</param>
internal sealed record IdKind(string Prefix, string Name, string? ShownBy)
{
    public static readonly IdKind Task = new("task", "a task", "stoa task show {0}");
    public static readonly IdKind Batch = new("batch", "a batch", "stoa batch show {0}");
    public static readonly IdKind Template = new("tmpl", "a template", "stoa template show {0}");
    public static readonly IdKind Schedule = new("sched", "a schedule", "stoa schedule show {0}");
    public static readonly IdKind Run = new("run", "a run of a workflow", "stoa workflow show {0}");
    public static readonly IdKind Auction = new("auction", "an auction", "stoa auction show {0}");
    public static readonly IdKind Review = new("rev", "a review", "stoa review show {0}");
    public static readonly IdKind Webhook = new("hook", "a webhook", "stoa webhook deliveries {0}");
    public static readonly IdKind Delivery = new("dlvr", "a delivery", null);
    public static readonly IdKind Message = new("msg", "a message", null);
    public static readonly IdKind Payment = new("pay", "a payment", "stoa payment show {0}");
    public static readonly IdKind Payout = new("payout", "a payout", "stoa payout show {0}");
    public static readonly IdKind Budget = new("budget", "a budget", "stoa budget list");
    public static readonly IdKind Key = new("key", "an API key", "stoa key list");
    public static readonly IdKind Session = new("sess", "a session", "stoa session list");
    public static readonly IdKind Coupon = new("coupon", "a coupon", "stoa coupon list");
    public static readonly IdKind SigningKey = new("skey", "a signing key", "stoa signing-key list");
    public static readonly IdKind Supplier = new("supp", "a supplier", "stoa supplier show {0}");
    public static readonly IdKind Replica = new("repl", "a replica", "stoa replica show {0}");
    public static readonly IdKind Identity = new("ident", "an identity", "stoa account identity list");
    public static readonly IdKind Invitation = new("invite", "an invitation", "stoa organisation invitations");

    private const string SampleSuffix = "_01h2xcejqtf2nbrexx3vqjhp41";

    private static readonly IdKind[] s_known =
    [
        Task, Batch, Template, Schedule, Run, Auction, Review, Webhook, Delivery, Message, Payment, Payout, Budget, Coupon, Key, Session, SigningKey, Supplier, Replica, Identity, Invitation,
        new("rcpt", "a receipt", null), new("xfer", "a transfer", "stoa wallet transfers"), new("agent", "an agent's version", "stoa agent list"),
        new("mbox", "a mailbox", "stoa mailbox list"), new("acct", "an account", "stoa wallet"), new("user", "a user", "stoa status"),
    ];

    /// <summary>Why a word is not the id of one of some kinds; null when it is.</summary>
    public static string? Misfit(string word, IReadOnlyList<IdKind> kinds)
    {
        var wanted = string.Join(" or ", kinds.Select(kind => kind.Name));
        if (!TypeId.TryParse(word, out var id))
            return $"'{word}' is not the id of {wanted}: those look like {string.Join(" or ", kinds.Select(kind => kind.Prefix + SampleSuffix))}.";
        if (kinds.Any(kind => kind.Prefix == id.Prefix))
            return null;
        return s_known.FirstOrDefault(kind => kind.Prefix == id.Prefix) is not { } other
            ? $"'{word}' is not the id of {wanted}: those begin with {string.Join(" or ", kinds.Select(kind => kind.Prefix + "_"))}."
            : $"'{word}' is the id of {other.Name}, not of {wanted}."
                + (other.ShownBy is { } command ? $" See: {string.Format(System.Globalization.CultureInfo.InvariantCulture, command, word)}" : "");
    }
}
