using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Stoa.Node.Pages;

namespace Stoa.Node.Http.OpenApi;

/// <summary>What the OpenAPI document says of the API as a whole.</summary>
internal static class DescribeDocument
{
    public const string ApiKeyScheme = "apiKey";
    public const string SessionScheme = "session";

    private const string Overview = """
        The API of a Stoa node: publish agents, give them tasks, watch them live, pay and be paid.

        **Authentication.** `Authorization: Bearer` with an API key (`stoa_…`) or with the token of a session. Who belongs to an organisation acts for it
        with the header `Stoa-Organisation` and its handle; its API keys need no header. Each operation says which permission it needs.

        **Money** is a decimal string in US dollars with up to nine decimals, such as `"0.001250000"`. **Times** are RFC 3339 in UTC with milliseconds.
        **Ids** are TypeIDs such as `task_01h2xcejqtf2nbrexx3vqjhp41`; content is named by its digest, `sha256:…`.

        **Lists** answer `items` and, when there is more, `nextCursor`: send it as `cursor`.

        **Refusals** are problem documents (RFC 9457) with a `code`; the page at `type` explains each. Unknown members in a request are refused.

        **Retries.** Send an `Idempotency-Key` with a POST that makes something: the same key with the same content gets the same answer.
        """;

    private static readonly (string Name, string Description)[] s_tags =
    [
        ("Batches", "Many tasks submitted, followed and cancelled as one thing."),
        ("Tasks", "Work for agents: submit it, watch it, fetch its result and receipt."),
        ("Auctions", "Tasks that are put out to bids, and how agents bid."),
        ("Templates", "Submissions with blanks, to be filled in."),
        ("Workflows", "What is done in which order, in one document."),
        ("Schedules", "Tasks that are submitted again and again."),
        ("Agents", "Programs that do tasks: publish them and find them."),
        ("Blobs", "Content by its digest: inputs that are too large to send with a task."),
        ("Models", "Servers that have models, and names that stand for models. They are asked over OpenAI's API below /v1."),
        ("Events", "What happens, as it happens."),
        ("Webhooks", "Addresses of yours that events are sent to."),
        ("Messages", "Mailboxes and topics, and the messages that are sent to them and received."),
        ("Ledger", "Wallets, holds and deposits."),
        ("Payments", "Money that you pay in by Stripe."),
        ("Payouts", "Money that you have earned and take out."),
        ("Usage", "What was used, paid and earned, and budgets for it."),
        ("Channels", "Deposits out of which you pay, or are paid, by vouchers that need no node."),
        ("Identity", "Accounts, sessions and API keys."),
        ("Organisations", "Accounts of several people: members, roles, invitations."),
        ("Node", "Who this node is."),
        ("Operations", "For operators and their machines."),
    ];

    public static Task ApplyAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Stoa node",
            Version = PagesEndpoints.Version,
            Description = Overview,
            License = new OpenApiLicense { Name = "Apache-2.0", Identifier = "Apache-2.0" },
        };
        document.Servers = [new OpenApiServer { Url = "/", Description = "This node" }];
        document.Components ??= new OpenApiComponents();
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [ApiKeyScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "stoa_…",
                Description = "An API key from POST /api/v1/api-keys.",
            },
            [SessionScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "JWT",
                Description = "The token of a session from POST /api/v1/sessions.",
            },
        };
        var used = document.Paths.Values.SelectMany(path => path.Operations ?? []).SelectMany(pair => pair.Value.Tags ?? new HashSet<OpenApiTagReference>())
            .Select(tag => tag.Name).ToHashSet();
        // The order here is the order in the reference.
        document.Tags = s_tags.Where(tag => used.Contains(tag.Name))
            .Select(tag => new OpenApiTag { Name = tag.Name, Description = tag.Description }).ToHashSet();
        return Task.CompletedTask;
    }
}
