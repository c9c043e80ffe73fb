using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Privacy;

/// <summary>A person who leaves a mark wherever one can leave something, and a search for it.</summary>
internal sealed class MarkedPerson(TestNode node, string mark) : IDisposable
{
    public const string Password = "correct horse battery";

    // A loopback address of its own: that, too, is found again where it was kept.
    private const string Address = "127.0.0.77";

    private readonly PrivateKey _payerKey = PrivateKey.Generate();
    private readonly PrivateKey _payeeKey = PrivateKey.Generate();

    /// <summary>What must be nowhere.</summary>
    public IReadOnlyList<string> Marks { get; } = [mark, Address];

    public string Handle { get; } = mark + "-handle";

    public string Email => mark + "@example.org";

    public StoaClient Client { get; private set; } = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Client?.Dispose();
        _payerKey.Dispose();
        _payeeKey.Dispose();
    }

    /// <summary>Registers and signs in, from the address of its own.</summary>
    public async Task JoinAsync()
    {
        using var anyone = Connect(null);
        await anyone.RegisterAsync(new RegisterRequest(Handle, Email, Password), Stop);
        await SignInAsync();
        await node.Client.DepositAsync(new DepositRequest(Handle, "2"), Stop);
    }

    public async Task SignInAsync()
    {
        using var anyone = Connect(null);
        var session = await anyone.LoginAsync(new LoginRequest(Handle, Password), Stop);
        Client?.Dispose();
        Client = Connect(session.Token);
    }

    /// <summary>Leaves what comes of Stripe, of letters and of callers from outside.</summary>
    public async Task LeaveWhatNeedsOthersAsync(Database database)
    {
        var user = (await Client.GetMeAsync(Stop)).Id;
        await database.WriteAsync(
            async session =>
            {
                foreach (var sql in new[]
                {
                    "INSERT INTO letters (id, recipient, subject, body, attempts, due_at, created_at) VALUES (@mark, @email, 'x', @mark, 0, 9000000000000, 0)",
                    "INSERT INTO stripe_parties (user_id, customer, version) VALUES (@user, @mark, 1)",
                    """
                    INSERT INTO payments (id, user_id, wallet_id, amount, state, url, refunded, disputed, recovered, moves, looks, version, created_at, changed_at)
                    VALUES (@user, @user, 'w', 1, 'Credited', @mark, 0, 0, 0, 0, 0, 1, 0, 0)
                    """,
                    """
                    INSERT INTO payouts (id, user_id, wallet_id, destination, amount, returned, state, looks, version, created_at, changed_at)
                    VALUES (@user, @user, 'w', @mark, 1, 0, 'Paid', 0, 1, 0, 0)
                    """,
                    "INSERT INTO schedule_runs (schedule_id, tick_at, outcome, detail, at) SELECT id, 1, 'Refused', @mark, 1 FROM schedules WHERE owner_id = @user",
                    """
                    INSERT INTO paid_calls (channel_id, request_key, request_hash, reserved, price, created_at)
                    SELECT id, @mark, 'hash', 0, 0, 0 FROM channels WHERE payer_id = @user
                    """,
                    """
                    INSERT INTO paid_calls (channel_id, request_key, request_hash, task_id, reserved, price, created_at)
                    SELECT id, @called, 'other', (SELECT MAX(id) FROM tasks WHERE owner_id = @user), 0, 0, 0 FROM channels WHERE payer_id = @user
                    """,
                })
                {
                    await session.ExecuteAsync(sql, new { user, mark, email = Email, called = mark + "-called" });
                }

                await session.ExecuteAsync(
                    "INSERT INTO request_keys (id, user_id, name, public_key, created_at) VALUES (@mark, @user, @mark, @key, 0)", new { user, mark, key = _payerKey.PublicKey.ToSpki() });
            },
            Stop);
    }

    /// <summary>Does a little of everything.</summary>
    /// <param name="agent">Of another, with a parameter <c>note</c>.</param>
    public async Task LeaveMarksAsync(string agent)
    {
        // Somebody else is told of what both have to do with.
        var told = await node.Client.CreateWebhookAsync(
            new CreateWebhookRequest("http://127.0.0.1:1/", ["stoa.channel.*", "stoa.review.*"], "of others"), cancellationToken: Stop);
        await Client.CreateApiKeyAsync(new CreateApiKeyRequest(mark + "-key"), Stop);
        await Client.UploadAsync(new MemoryStream(Encoding.UTF8.GetBytes(mark + "-upload")), cancellationToken: Stop);
        var blob = await Client.UploadAsync(new MemoryStream([.. Enumerable.Repeat(Encoding.UTF8.GetBytes(mark + "-long ").ToArray(), 20_000).SelectMany(piece => piece)]), cancellationToken: Stop);
        var request = new SubmitTaskRequest(agent, new TaskInputBody(Text: mark + "-input"), new Dictionary<string, string> { ["note"] = mark + "-parameter" });
        var task = await Client.WaitForTaskAsync((await Client.SubmitAsync(request, cancellationToken: Stop)).Id, cancellationToken: Stop);
        task.State.ShouldBe("succeeded");
        var large = await Client.WaitForTaskAsync(
            (await Client.SubmitAsync(request with { Input = new TaskInputBody(Digest: blob.Digest) }, cancellationToken: Stop)).Id, cancellationToken: Stop);
        large.State.ShouldBe("succeeded");
        await Client.SubmitBatchAsync(new SubmitBatchRequest([request, request]), cancellationToken: Stop);
        await Client.SubmitAsync(request, idempotencyKey: mark + "-idempotency", cancellationToken: Stop);
        var dispute = await Client.DisputeTaskAsync(task.Id, mark + "-dispute", Stop);
        await Eventually.IsSoAsync(async () => (await Client.GetTaskDisputeAsync(task.Id, Stop)).State != dispute.State);
        await Client.ReviewTaskAsync(task.Id, 4, mark + "-review", Stop);
        await Client.CreateTemplateAsync(new CreateTemplateRequest(mark + "-template", request, []), cancellationToken: Stop);
        await Client.CreateScheduleAsync(new CreateScheduleRequest("0 0 1 1 *", Task: request, Name: mark + "-schedule"), cancellationToken: Stop);
        var hook = await Client.CreateWebhookAsync(new CreateWebhookRequest($"http://127.0.0.1:1/{mark}-hook", ["stoa.task.*"], mark + "-hook"), cancellationToken: Stop);
        await Client.TestWebhookAsync(hook.Id, Stop);
        await Client.SetBudgetAsync(new SetBudgetRequest("100", "day"), Stop);
        await Client.SetBalanceAlertAsync(new SetBalanceAlertRequest("0.01"), Stop);
        await Client.BeginTotpAsync(new BeginTotpRequest(Password), Stop);
        // An agent of its own that nobody ever gives a task.
        await PublishAsync(Client, "unused", mark + " describes it");
        await JoinOrganisationAsync();
        await PayByChannelAsync();
        await SettledAsync();
        await Eventually.IsSoAsync(async () => await node.Client.ListWebhookDeliveriesAsync(told.Id, cancellationToken: Stop).CountAsync(Stop) >= 3);
    }

    /// <summary>Publishes a program that gives back what it gets and has a parameter.</summary>
    public static async Task<string> PublishAsync(StoaClient client, string name, string description)
    {
        var manifest = new AgentManifestBody(
            name, "1.0.0", description, ["test.note"], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(100_000_000, 8 << 20, 60_000, 10_000_000, 4096), new AgentPriceBody("0.0001", "0", "0.001"),
            Parameters: [new AgentParameterBody("note", "Anything.", "string", Default: "none")]);
        return (await client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(GuestPrograms.EchoAfter(name.Length)), cancellationToken: Stop)).Listing;
    }

    /// <summary>Empties the wallet, so that nothing is in the way but that it is asked for.</summary>
    public Task<ErasureResponse> EraseAsync() => Client.RequestErasureAsync(new RequestErasureRequest(Password, Forfeit: true), Stop);

    /// <summary>Where in the database a mark is, as table and column; in plain text, in base64 or as bytes.</summary>
    /// <param name="database">Of the node.</param>
    /// <param name="mark">What is looked for.</param>
    public static async Task<IReadOnlyList<string>> FindAsync(Database database, string mark)
    {
        var columns = await database.ReadAsync(
            session => session.QueryAsync<(string Table, string Column)>(
                """
                {if sqlite}SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'{end}
                {if postgres}SELECT c.table_name::text, c.column_name::text FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
                WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'{end}
                """),
            Stop);
        columns.Count.ShouldBeGreaterThan(200);
        var bytes = Encoding.UTF8.GetBytes(mark);
        // Of base64 the text depends on where in a group of three it begins; its first and last characters on what stands beside it.
        List<string> wanted = [mark, .. Enumerable.Range(0, 3).Select(offset => Convert.ToBase64String([.. new byte[offset], .. bytes])[(offset == 0 ? 0 : 4)..^4])];
        var found = new List<string>();
        foreach (var (table, column) in columns)
        {
            var values = await database.ReadAsync(
                session => session.QueryAsync<string?>(
                    $"SELECT {{if sqlite}}CASE WHEN typeof(\"{column}\") = 'blob' THEN hex(\"{column}\") ELSE CAST(\"{column}\" AS TEXT) END{{end}}{{if postgres}}CAST(\"{column}\" AS TEXT){{end}} FROM {table}"),
                Stop);
            foreach (var value in values.OfType<string>())
            {
                var texts = new List<string> { value };
                var hex = value.StartsWith("\\x", StringComparison.Ordinal) ? value[2..] : value;
                if (hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit))
                    texts.Add(Encoding.Latin1.GetString(Convert.FromHexString(hex)));
                if (texts.Any(text => wanted.Any(one => text.Contains(one, StringComparison.Ordinal))))
                    found.Add($"{table}.{column}");
            }
        }

        return [.. found.Distinct()];
    }

    /// <summary>Where in the files of a folder a mark is.</summary>
    public static IReadOnlyList<string> FindInFiles(string folder, string mark)
    {
        var bytes = Encoding.UTF8.GetBytes(mark);
        var found = new List<string>();
        // Lock files hold nothing, and are locked.
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(path => !Path.GetFileName(path).EndsWith("lock", StringComparison.Ordinal)))
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new MemoryStream();
            file.CopyTo(copy);
            if (copy.GetBuffer().AsSpan(0, (int)copy.Length).IndexOf(bytes) >= 0)
                found.Add(Path.GetRelativePath(folder, path));
        }

        return found;
    }

    public StoaClient Connect(string? key) => new(node.Client.Options with
    {
        ApiKey = key,
        UserAgent = mark + "-device",
        Handler = new SocketsHttpHandler
        {
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    socket.Bind(new IPEndPoint(IPAddress.Parse(Address), 0));
                    await socket.ConnectAsync(IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        },
    });

    /// <summary>Becomes a member of somebody else's organisation, acts for it, and makes a key there.</summary>
    private async Task JoinOrganisationAsync()
    {
        var organisation = "org-" + Guid.NewGuid().ToString("n")[..8];
        await node.Client.CreateOrganisationAsync(new CreateOrganisationRequest(organisation, "Of others"), Stop);
        var invitation = await node.Client.InviteAsync(organisation, new InviteRequest("developer", Handle), Stop);
        await Client.AcceptInvitationAsync(invitation.Id, new AcceptInvitationRequest(), Stop);
        await node.Client.SetMemberAsync(organisation, Handle, new SetMemberRequest("developer"), Stop);
        using var acting = new StoaClient(Client.Options with { Organisation = organisation });
        await acting.CreateApiKeyAsync(new CreateApiKeyRequest(mark + "-key-for-others"), Stop);
        var other = "org-" + Guid.NewGuid().ToString("n")[..8];
        await node.Client.CreateOrganisationAsync(new CreateOrganisationRequest(other, "Of others, too"), Stop);
        await node.Client.InviteAsync(other, new InviteRequest("viewer", Email: Email), Stop);
    }

    /// <summary>Opens a channel to the administrator and closes it by agreement.</summary>
    private async Task PayByChannelAsync()
    {
        var opened = await Client.OpenChannelAsync(
            new OpenChannelRequest(
                (await node.Client.GetMeAsync(Stop)).Handle, Convert.ToBase64String(_payerKey.PublicKey.ToSpki()), Convert.ToBase64String(_payeeKey.PublicKey.ToSpki()), "0.5", 3_600),
            Stop);
        var terms = ChannelStatement.Open(opened.Statement!, PeerId.Parse(opened.Node)).Value.Terms;
        var proposal = Agreement.Propose(terms, Money.Parse("0.1"), _payeeKey);
        (await Client.AgreeOnChannelAsync(opened.Id, Agreement.Accept(proposal, _payerKey), Stop)).State.ShouldBe("closed");
    }

    private Task SettledAsync() => Eventually.IsSoAsync(async () => (await Client.GetQuotaAsync(Stop)).OpenTasks == 0);
}
