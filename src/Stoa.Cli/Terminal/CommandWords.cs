using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using Stoa.Client.Contracts;

namespace Stoa.Cli.Terminal;

/// <summary>A command whose file is written as the API takes it: what is said of its members is said in their names.</summary>
internal interface ITakesRequests;

/// <summary>Says in the words of the command line what the API says in its own: commands for requests, options for members.</summary>
/// <param name="command">The command that was refused.</param>
internal sealed partial class CommandWords(Command command)
{
    // The first that fits is taken, so longer paths come before their beginnings. Groups are what stands in the path.
    private static readonly (Regex Request, string Command)[] s_requests =
    [
        (Path("POST", "tasks/quote"), "stoa task submit with --quote"),
        (Path("POST", "tasks/replays"), "stoa task replay --all-failed"),
        (Path("POST", "tasks/{}/replay"), "stoa task replay $1"),
        (Path("PUT", "tasks/{}/review"), "stoa review write $1"),
        (Path("GET", @"tasks/{}\?wait=\w+"), "stoa task watch $1"),
        (Path("GET", "tasks/{}/selection"), "stoa task selection $1"),
        (Path("GET", "tasks/{}/auction"), "stoa task auction $1"),
        (Path("GET", "tasks/{}"), "stoa task show $1"),
        (Path("DELETE", "tasks/{}"), "stoa task cancel $1"),
        (Path("GET", "sealing-key"), "stoa task submit with --seal"),
        (Path("GET", "tasks"), "stoa task list"),
        (Path("POST", "tasks"), "stoa task submit"),
        (Path("GET", "batches/{}/events"), "stoa batch watch $1"),
        (Path("GET", "batches/{}"), "stoa batch show $1"),
        (Path("GET", "batches"), "stoa batch list"),
        (Path("GET", @"agents\?capability=([\w.-]+)"), "stoa agent list --capability $1"),
        (Path("GET", "agents/{}/{}/reviews"), "stoa review list $1/$2"),
        (Path("PUT", "agents/{}/{}/bidding"), "stoa agent bidding set $1/$2"),
        (Path("PUT", "agents/{}/bidding"), "stoa agent bidding set $1"),
        (Path("DELETE", "agents/{}/{}/{}/withdrawal"), "stoa agent reinstate $1/$2@$3"),
        (Path("GET", "agents/{}/{}"), "stoa agent show $1/$2"),
        (Path("GET", "agents"), "stoa agent list"),
        (Path("DELETE", "listings/{}/{}/{}/withdrawal"), "stoa listing reinstate $1/$2@$3"),
        (Path("GET", @"listings\?capability=([\w.-]+)"), "stoa listing search --capability $1"),
        (Path("GET", "listings/{}/{}"), "stoa listing show $1/$2"),
        (Path("GET", "listings"), "stoa listing search"),
        (Path("GET", "contradictions/{}/{}/{}"), "stoa listing contradictions $1 with --verify"),
        (Path("GET", "contradictions"), "stoa listing contradictions"),
        (Path("GET", "model-calls/models"), "stoa supplier show SUPPLIER"),
        (Path("(?:PUT|POST)", "blobs(?:/{digest})?"), "stoa blob put FILE"),
        (Path("GET", "auctions/{}"), "stoa auction show $1"),
        (Path("PUT", "reviews/{}/answer"), "stoa review answer $1"),
        (Path("GET", "reviews"), "stoa review list"),
        (Path("GET", "webhooks/{}/deliveries"), "stoa webhook deliveries $1"),
        (Path("PATCH", "webhooks/{}"), "stoa webhook enable $1"),
        (Path("GET", "webhooks"), "stoa webhook list"),
        (Path("GET", "schedules"), "stoa schedule list"),
        (Path("GET", "templates/{}"), "stoa template show $1"),
        (Path("GET", "templates"), "stoa template list"),
        (Path("GET", "api-keys"), "stoa key list"),
        (Path("DELETE", "api-keys/{}"), "stoa key revoke $1"),
        (Path("POST", "organisations/{}/identity-provider/test"), "stoa organisation provider test $1"),
        (Path("PUT", "organisations/{}/identity-provider"), "stoa organisation provider set $1"),
        (Path("GET", "single-sign-on/{}"), "stoa login --organisation $1"),
        (Path("POST", "sessions/single-sign-on"), "stoa login --organisation ORGANISATION"),
        (Path("DELETE", "users/me/identities/{}"), "stoa account identity unlink $1"),
        (Path("POST", "users/me/identities"), "stoa account identity link ORGANISATION"),
        (Path("GET", "users/me/identities"), "stoa account identity list"),
        (Path("DELETE", "organisations/{}/membership"), "stoa organisation leave $1"),
        (Path("PUT", "organisations/{}/members/{}"), "stoa organisation role $1 $2 ROLE"),
        (Path("GET", "organisations/{}/members"), "stoa organisation members $1"),
        (Path("GET", "organisations"), "stoa organisation list"),
        (Path("GET", "signing-keys"), "stoa signing-key list"),
        (Path("DELETE", "signing-keys/{}"), "stoa signing-key revoke $1"),
        (Path("POST", "sessions"), "stoa login"),
        (Path("GET", "sessions"), "stoa session list"),
        (Path("POST", "email-verifications/letters"), "stoa account verify EMAIL"),
        (Path("POST", "email-verifications"), "stoa account verify EMAIL --code CODE"),
        (Path("POST", "password-resets/letters"), "stoa account recover EMAIL"),
        (Path("POST", "password-resets/codes"), "stoa account reset-password LOGIN"),
        (Path("POST", "password-resets"), "stoa account recover EMAIL --code CODE"),
        (Path("POST", "erasure-cancellations"), "stoa account erase --undo --handle HANDLE"),
        (Path("PUT", "users/me/password"), "stoa account password"),
        (Path("POST", "users/me/totp/removal"), "stoa account totp disable"),
        (Path("POST", "users/me/totp"), "stoa account totp enable"),
        (Path("PATCH", "replicas/{}"), "stoa replica change $1"),
        (Path("GET", "replicas"), "stoa replica list"),
        (Path("GET", "routes"), "stoa route list"),
        (Path("POST", "listings/manifests"), "stoa listing publish"),
        (Path("GET", @"listings\?kind=(\w+)"), "stoa listing search --kind $1"),
        (Path("DELETE", "suppliers/{}"), "stoa supplier remove $1"),
        (Path("GET", "suppliers"), "stoa supplier list"),
        (Path("GET", "network/offers"), "stoa network map"),
        (Path("GET", "channels"), "stoa channel list"),
        (Path("POST", "payments/add-credit"), "stoa wallet top-up"),
        (Path("GET", "payments/{}"), "stoa payment show $1"),
        (Path("GET", "payments"), "stoa payment list"),
        (Path("(?:POST|GET)", "payouts/account"), "stoa payout setup"),
        (Path("GET", "payouts"), "stoa payout list"),
        (Path("POST", "deposits"), "stoa wallet deposit"),
        (Path("GET", "quota"), "stoa quota"),
        (Path("GET", "plans"), "stoa plan list"),
        (Path("GET", "subscription"), "stoa plan show"),
        (Path("PUT", "subscription"), "stoa plan subscribe"),
        (Path("POST", "coupons/redemptions"), "stoa coupon redeem"),
        (Path("GET", "coupons"), "stoa coupon list"),
        (Path("PUT", "budgets"), "stoa budget set"),
        (Path("GET", "budgets"), "stoa budget list"),
        (Path("GET", "nodes"), "stoa node list"),
        (Path("GET", "workflow-runs/{}"), "stoa workflow show RUN"),
        (Path("GET", "workflow-runs"), "stoa workflow runs"),
        (Path("GET", "workflows"), "stoa workflow list"),
        (Path("DELETE", "mailboxes/{}/{}"), "stoa mailbox delete NAME"),
        (Path("GET", "mailboxes"), "stoa mailbox list"),
        (Path("DELETE", "topics/{}/{}"), "stoa topic delete NAME"),
        (Path("GET", "topics"), "stoa topic list"),
    ];

    // What a sentence says of members that are options here.
    private static readonly (string Member, string Option)[] s_sentences =
    [
        ("Raise limits.outputBytes if the agent allows more, or give less input.", "Give less input."),
        ("with onNoBids \"select\"", "with --or-select"),
        ("or without auction.", "or without --auction."),
        ("submit without auction", "submit without --auction"),
        ("submit in the clear", "submit without --seal"),
        ("Submit it in the clear", "Submit it without --seal"),
        ("Submit the input in the clear", "Submit it without --seal"),
        ("with a requirement in place of agent", "with --capability in place of AGENT"),
        ("with a requirement and auction", "with --capability and --auction"),
        ("leave the member out", "leave the option out"),
        ("With skipCheck", "With --skip-check"),
        ("with skipCheck", "with --skip-check"),
        ("as upstreamModel", "as --upstream-model"),
        ("weight or maxRequests", "--weight or --max-requests"),
        ("Leave isForAll out", "Leave --for-all out"),
        ("auction.windowMs", "--window"),
        ("limits.fuel", "--fuel"),
        ("limits.memoryBytes", "--memory"),
        ("limits.timeoutMs", "--timeout"),
        ("deadlineMs", "--deadline"),
        ("maxPrice", "--max-price"),
        ("dueAt", "--at or --delay"),
        ("with ?force=true", "with --force"),
        ("the header Stoa-Organisation", "--organisation"),
    ];

    private static readonly (string Pointer, string Word)[] s_places =
    [
        ("/agent", "AGENT"),
        ("/limits/fuel", "--fuel"),
        ("/limits/memoryBytes", "--memory"),
        ("/limits/timeoutMs", "--timeout"),
        ("/requirement/capabilities", "--capability"),
        ("/requirement/deadlineMs", "--deadline"),
        ("/requirement/minReputation", "--min-reputation"),
        ("/requirement/weights", "--prefer"),
        ("/auction/windowMs", "--window"),
        ("/auction/onNoBids", "--or-select"),
        ("/dueAt", "--at or --delay"),
        ("/regions", "--region"),
        ("/model", "MODEL"),
        ("/address", "ADDRESS"),
        ("/upstreamModel", "--upstream-model"),
        ("/apiKey", "--key-file"),
        ("/region", "--region"),
        ("/weight", "--weight"),
        ("/maxRequests", "--max-requests"),
        ("/servingPrice/perMillionInputTokens", "--input-price"),
        ("/servingPrice/perMillionOutputTokens", "--output-price"),
        ("/targets", "TARGET"),
        ("/alternatives", "--or"),
        ("/cron", "CRON"),
        ("/timeZone", "--zone"),
        ("/expiresAt", "--expires-days"),
        ("/types", "--type"),
        ("/scopes", "--scope"),
        ("/credit", "--credit"),
        ("/creditDays", "--days"),
        ("/percentOff", "--percent-off"),
        ("/months", "--months"),
        ("/maxRedemptions", "--redemptions"),
        ("/perUser", "--per-user"),
        ("/maxOpenTasks", "--open-tasks"),
        ("/maxContentBytes", "--content"),
        ("/newPassword", "the new password"),
        ("/issuer", "--issuer"),
        ("/clientId", "--client-id"),
        ("/clientSecret", "the client secret"),
        ("/domains", "--domain"),
        ("/roleClaim", "--role-claim"),
        ("/roles", "--role"),
    ];

    /// <summary>For what is said of tasks, whoever shows it.</summary>
    public static CommandWords OfTasks { get; } = new(new Command("task"));

    private readonly bool _takesRequests = command is ITakesRequests;

    /// <summary>What a refusal says, in the words of the command line.</summary>
    public string Detail(Problem problem) => problem.Code switch
    {
        "requestInvalid" when !_takesRequests && problem.Errors is { Count: > 0 } => "The node does not take what the command asks for:",
        "requestInvalid" => "The node does not take it. Correct what is listed:",
        "unauthenticated" => "The node does not know who is calling: no key was given, or one that is wrong, expired or revoked.",
        "payloadTooLarge" => "That is more than the node takes at once. Send less; an input is uploaded by itself when it is large.",
        _ => Text(problem.Detail),
    };

    /// <summary>A sentence of the API.</summary>
    public string Text(string sentence)
    {
        foreach (var (request, name) in s_requests)
            sentence = request.Replace(sentence, match => Placeholder().Replace(match.Result(name), word => word.Groups[1].Value.ToUpperInvariant()));
        sentence = LongAmount().Replace(sentence, match => Format.Money(match.Groups[1].Value));
        sentence = sentence
            .Replace("Correct what is listed in errors", "Correct what is listed", StringComparison.Ordinal)
            .Replace("is listed in errors", "is listed", StringComparison.Ordinal)
            .Replace("See in errors which", "See which", StringComparison.Ordinal);
        return _takesRequests
            ? sentence
            : s_sentences.Aggregate(sentence, (text, known) => text.Replace(known.Member, known.Option, StringComparison.Ordinal));
    }

    /// <summary>What a JSON Pointer stands for: an option, an argument, or a part of a file. Empty for the whole.</summary>
    public string Place(string pointer)
    {
        if (pointer.Length == 0 || _takesRequests)
            return pointer;
        if (pointer.StartsWith("/task/", StringComparison.Ordinal))
            pointer = pointer["/task".Length..];
        foreach (var (known, word) in s_places)
        {
            if (pointer == known || pointer.StartsWith(known + "/", StringComparison.Ordinal))
                return word;
        }

        var parts = pointer[1..].Split('/').Select(part => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
        return parts switch
        {
            ["parameters", var name, ..] => $"--param {name}",
            ["values", var value, ..] => $"--set {value}",
            ["template", _, var value, ..] => $"--set {value}",
            ["input"] or ["input", "text" or "base64" or "json" or "digest"] => "the input",
            ["input", ..] => $"the input at /{string.Join('/', parts.Skip(1))}",
            _ => WordOf(parts[^1]) ?? string.Join('.', parts),
        };
    }

    /// <summary>The option or argument of this command that has a member's name.</summary>
    private string? WordOf(string member)
    {
        var kebab = "--" + Capital().Replace(member, match => "-" + match.Value.ToLowerInvariant());
        return command.Options.FirstOrDefault(option => option.Name == kebab || option.Name + "-ms" == kebab || option.Name + "-bytes" == kebab)?.Name
            ?? command.Arguments.FirstOrDefault(argument => argument.Name.Equals(member, StringComparison.OrdinalIgnoreCase))?.Name;
    }

    private static Regex Path(string method, string path)
    {
        var text = new StringBuilder(path).Replace("{digest}", @"\{digest\}").Replace("{}", @"(\{\w+\}|[\w@.-]+\w)");
        return new Regex($@"\b{method} /api/v1/{text}(?![\w/?])", RegexOptions.CultureInvariant);
    }

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\b(\d+\.\d{9})\b(?: USD)?")]
    private static partial Regex LongAmount();

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Capital();
}
