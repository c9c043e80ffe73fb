using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tasks;
using Stoa.Market.Tests.Calls;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Node.Tests.Tasks;

/// <summary>Tasks whose input and output are sealed, on a node with everything.</summary>
[Trait("speed", "slow")]
public abstract class SealedTasksConformance(DatabaseSource source) : IAsyncLifetime
{
    private const string Mark = "TheMarkedTextThatNobodyMaySee";

    private static readonly byte[] s_babble = Encoding.UTF8.GetBytes($$"""{"op":"progress","done":1,"total":2,"message":"{{Mark}}"}""");
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(60);

    private TestNode _node = null!;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    private StoaClient Client => _node.Client;

    public async ValueTask InitializeAsync() => _node = await TestNode.StartAsync(null, [.. await OptionsAsync(), "--Disputes:PollMs", "50"]);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await source.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Task_ThatIsSealed_RunsOnThePlaintext_AndItsOutputIsOpenedByTheSecretAlone()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);

        var (task, input) = await RunAsync(echo, "größer"u8.ToArray());

        (task.State, task.SealedTo, task.InputDigest).ShouldBe(("succeeded", input.KeyId, input.Digest));
        (await OpenAsync(task, input.Secret)).ShouldBe("größer"u8.ToArray());
        (task.Result!.Usage.InputBytes, task.Result.Usage.OutputBytes).ShouldBe((8L, 8L));
        task.Result.SizeBytes.ShouldBe(SealedExchange.SizeOfReply(8));
        task.InputBytes.ShouldBe(SealedExchange.SizeOfInput(8));
        var other = await Client.SealInputAsync(new MemoryStream([1]), cancellationToken: Stop);
        await Should.ThrowAsync<SealBrokenException>(() => OpenAsync(task, other.Secret));
        (await _node.RunAsync(echo)).SealedTo.ShouldBeNull();
    }

    [Fact]
    public async Task Task_ThatIsSealed_LeavesNoPlaintextAnywhere()
    {
        var babble = await _node.PublishAsync("babble", GuestPrograms.Babble(0));
        var failing = await _node.PublishAsync("failing", GuestPrograms.Babble(3));
        var looping = await _node.PublishAsync("looping", GuestPrograms.Babble(null), new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 10_000, 10_000));
        // What the same programs leave of an input in the clear, so that it is known that this search finds it.
        var clear = Encoding.UTF8.GetBytes($$"""{"op":"progress","done":1,"total":2,"message":"Control{{Mark.ToUpperInvariant()}}"}""");
        await Client.WaitForTaskAsync((await Client.SubmitAsync(failing, new MemoryStream(clear), cancellationToken: Stop)).Id, cancellationToken: Stop);

        var (task, input) = await RunAsync(babble, s_babble);
        var (failed, _) = await RunAsync(failing, s_babble);
        var (cancelled, _) = await SubmitAsync(looping, s_babble);
        while ((await Client.GetTaskAsync(cancelled.Id, Stop)).State != "running")
            await Task.Yield();
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            (await WatchAsync(cancelled.Id, patience.Token)).ShouldNotContain(told => told.Contains(Mark, StringComparison.Ordinal));
        await Client.CancelTaskAsync(cancelled.Id, Stop);
        await Client.WaitForTaskAsync(cancelled.Id, cancellationToken: Stop);

        (await OpenAsync(task, input.Secret)).ShouldBe(s_babble);
        (failed.State, failed.Failure?.Code, failed.Failure?.Log).ShouldBe(("failed", "agentExit", null));
        foreach (var ended in new[] { task.Id, failed.Id, cancelled.Id })
        {
            (await Client.GetTaskLogAsync(ended, Stop)).Text.ShouldBe("");
            (await Client.FollowTaskLogAsync(ended, cancellationToken: Stop).ToListAsync(Stop)).ShouldBeEmpty();
            (await WatchAsync(ended, Stop)).ShouldNotContain(told => told.Contains(Mark, StringComparison.Ordinal));
        }

        var folder = await _node.StopAsync();
        (await FindAsync(folder, Mark)).ShouldBeEmpty();
        (await FindAsync(folder, Mark.ToUpperInvariant())).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Megabytes_AreSealedBothWays()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo, new AgentLimitsBody(1_000_000_000, 8 << 20, 60_000, 5_000_000, 1_000));
        var plain = new byte[5_000_000];
        new Random(5).NextBytes(plain);

        // As much as the limit of its output: what sealing adds does not count.
        var (task, input) = await RunAsync(echo, plain);

        (task.State, task.Result?.SizeBytes).ShouldBe(("succeeded", SealedExchange.SizeOfReply(plain.Length)));
        (await OpenAsync(task, input.Secret)).AsSpan().SequenceEqual(plain).ShouldBeTrue();
        var clear = await Client.SubmitAsync(echo, new MemoryStream(plain), new SubmitOptions { Wait = s_wait }, Stop);
        clear = await Client.WaitForTaskAsync(clear.Id, cancellationToken: Stop);
        // Half a thousandth of a dollar a megabyte: the 1,313 bytes more are less than a millionth.
        (Money.Parse(task.Result!.Price).Nanodollars - Money.Parse(clear.Result!.Price).Nanodollars).ShouldBeInRange(1, 1_000);
    }

    [Fact]
    public async Task Receipt_SaysThatItIsSealed_AndIsConfirmedByARerunWithTheSecretOnly()
    {
        var random = await _node.PublishAsync("random", GuestPrograms.RandomAndClock);
        var (task, input) = await RunAsync(random, [1, 2, 3]);
        var receipt = ReceiptVerifier.Verify(await Client.GetReceiptAsync(task.Id, Stop), null).Value;
        using var stored = new MemoryStream();
        await Client.DownloadTaskInputAsync(task.Id, task.InputDigest, stored, cancellationToken: Stop);

        receipt.SealedTo.ToString().ShouldBe(input.KeyId);
        (receipt.InputDigest.ToString(), receipt.OutputDigest.ToString()).ShouldBe((task.InputDigest, task.Result!.Digest));
        (await RerunAsync(_ => input.Secret.Open())).Value.Confirms.ShouldBeTrue();
        (await RerunAsync(null)).Refusal!.Code.ShouldBe(RerunRefusal.SealClosed);
        var other = await Client.SealInputAsync(new MemoryStream([1]), cancellationToken: Stop);
        (await RerunAsync(_ => other.Secret.Open())).Refusal!.Code.ShouldBe(RerunRefusal.SealClosed);

        async Task<Market.Outcome<RerunReport, RerunRefusal>> RerunAsync(Func<SealedHeader, SealedExchange>? open)
        {
            stored.Position = 0;
            return await ReceiptRerun.RunAsync(receipt, GuestPrograms.RandomAndClock, RerunCalls.None, stored, TimeProvider.System, new AttemptProgress(), Stop, open);
        }
    }

    [Fact]
    public async Task Dispute_OfASealedTask_IsDecidedByRunningItAgain()
    {
        var random = await _node.PublishAsync("random", GuestPrograms.RandomAndClock);
        var (task, _) = await RunAsync(random, [1, 2, 3]);

        var dispute = await Client.DisputeTaskAsync(task.Id, "It is not what I expected.", Stop);
        while (dispute.State == "open")
            dispute = (await Client.ListDisputesAsync(Stop).ToListAsync(Stop)).Single();

        dispute.State.ShouldBe("rejected");
        dispute.Detail!.ShouldContain("the same output");
    }

    [Fact]
    public async Task TheSameInput_SubmittedTwice_HasRepliesUnderDifferentKeys()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var plain = new byte[1_000];
        var input = await Client.SealInputAsync(new MemoryStream(plain), cancellationToken: Stop);
        var batch = await Client.SubmitBatchAsync(
            new SubmitBatchRequest([new SubmitTaskRequest(echo, input.Body), new SubmitTaskRequest(echo, input.Body)]), cancellationToken: Stop);

        var replies = new List<byte[]>();
        await foreach (var one in Client.ListBatchTasksAsync(batch.Id, cancellationToken: Stop))
        {
            var task = await Client.ExecuteTaskAsync(one.Id, s_wait, Stop);
            (await OpenAsync(task, input.Secret)).ShouldBe(plain);
            using var reply = new MemoryStream();
            await Client.DownloadResultAsync(task, reply, cancellationToken: Stop);
            replies.Add(reply.ToArray());
        }

        replies.Count.ShouldBe(2);
        // Of zeros under one key and nonce the sealed bytes would be equal.
        replies[0].AsSpan(8, 32).SequenceEqual(replies[1].AsSpan(8, 32)).ShouldBeFalse();
        replies[0].AsSpan(40, 64).SequenceEqual(replies[1].AsSpan(40, 64)).ShouldBeFalse();
    }

    [Fact]
    public async Task Submission_ThatIsNotSealedAsItShould_IsRefused()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var input = await Client.SealInputAsync(new MemoryStream([1]), cancellationToken: Stop);
        var bytes = Convert.FromBase64String(input.Body.Base64!);
        var account = (await Client.GetSealingKeyAsync(Stop)).Account;

        (await RefusedAsync(new TaskInputBody(Text: "text", Sealed: true))).ShouldBe("requestInvalid");
        (await RefusedAsync(Inline([.. "not sealed"u8]))).ShouldBe("sealInvalid");
        (await RefusedAsync(Inline(bytes[..80]))).ShouldBe("sealInvalid");
        (await RefusedAsync(Inline([.. bytes[..16], .. new byte[bytes.Length - 16]]))).ShouldBe("sealInvalid");
        var blob = await Client.UploadAsync(new MemoryStream("not sealed either"u8.ToArray()), cancellationToken: Stop);
        (await RefusedAsync(new TaskInputBody(Digest: blob.Digest, Sealed: true))).ShouldBe("sealInvalid");
        using var foreign = SealingKey.Derive(new byte[32]);
        (await RefusedAsync(Inline(Seal(foreign.PublicKey, account)))).ShouldBe("sealingKeyUnknown");

        async Task<string?> RefusedAsync(TaskInputBody body) =>
            (await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(new SubmitTaskRequest(echo, body), cancellationToken: Stop))).Code;
    }

    [Fact]
    public async Task Input_ThatDoesNotVerify_FailsTheTaskAndSaysNothingAgainstTheAgent()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var key = SealingPublicKey.FromBytes(Convert.FromBase64String((await Client.GetSealingKeyAsync(Stop)).PublicKey));
        var input = await Client.SealInputAsync(new MemoryStream(new byte[200_000]), cancellationToken: Stop);
        var changed = Convert.FromBase64String(input.Body.Base64!);
        changed[150_000] ^= 1;

        foreach (var body in new[] { Inline(changed), Inline(Seal(key, "user_01h2xcejqtf2nbrexx3vqjhp41")) })
        {
            var submitted = await Client.SubmitAsync(new SubmitTaskRequest(echo, body), cancellationToken: Stop);
            var task = await Client.WaitForTaskAsync(submitted.Id, cancellationToken: Stop);
            (task.State, task.Failure?.Code, task.Attempts).ShouldBe(("failed", "sealBroken", 1));
            (await Client.ReplayTaskAsync(task.Id, Stop)).SealedTo.ShouldBe(key.Id.ToString());
        }
    }

    [Fact]
    public async Task Work_ThatIsOnlyNamed_IsDoneSealed_AlsoByAnAuction()
    {
        using var schema = System.Text.Json.JsonDocument.Parse("""{ "type": "object" }""");
        var manifest = new AgentManifestBody(
            "strict", "1.0.0", "A program of the tests.", ["test.sealed"], "strict.wasm",
            new AgentPortBody("application/json", schema.RootElement), new AgentPortBody("application/json", schema.RootElement),
            new AgentLimitsBody(100_000_000, 8 << 20, 60_000, 1_000_000, 1_000), new AgentPriceBody("0.0001", "0", "0"));
        await Client.PublishAgentAsync(
            System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(GuestPrograms.Echo), cancellationToken: Stop);
        var work = new SubmitTaskRequest(Requirement: new RequirementBody(["test.sealed"]));

        foreach (var auction in new[] { null, new AuctionTermsBody(100, "select") })
        {
            var good = await Client.SealInputAsync(new MemoryStream("""{"a":1}"""u8.ToArray()), cancellationToken: Stop);
            var task = await Client.SubmitAsync(work with { Input = good.Body, Auction = auction }, cancellationToken: Stop);
            task = await Client.WaitForTaskAsync(task.Id, cancellationToken: Stop);
            task.State.ShouldBe("succeeded");
            (await OpenAsync(task, good.Secret)).ShouldBe("""{"a":1}"""u8.ToArray());
        }

        // The input cannot be checked before it runs; the output is, and what is wrong with it is not told.
        var bad = await Client.SealInputAsync(new MemoryStream(Encoding.UTF8.GetBytes($"\"{Mark}\"")), cancellationToken: Stop);
        var failed = await Client.SubmitAsync(work with { Input = bad.Body }, cancellationToken: Stop);
        failed = await Client.WaitForTaskAsync(failed.Id, cancellationToken: Stop);
        (failed.State, failed.Failure?.Code).ShouldBe(("failed", "outputInvalid"));
        failed.Failure!.Detail.ShouldEndWith("for it is sealed.");
    }

    [Fact]
    public async Task Agent_ThatCallsOthers_IsGivenNoSealedTask()
    {
        var echo = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var caller = await PublishAsync("caller", "test.calls", CallPrograms.Caller(echo), new AgentUseBody(echo, 1, "0.01", 1_000));
        var input = await Client.SealInputAsync(new MemoryStream([1]), cancellationToken: Stop);
        var held = (await Client.GetWalletAsync(Stop)).Held;

        var refused = await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(new SubmitTaskRequest(caller, input.Body), cancellationToken: Stop));
        (refused.Code, refused.Problem.Status).ShouldBe(("callsNotSealed", 422));
        (await Should.ThrowAsync<StoaException>(() => Client.QuoteAsync(new SubmitTaskRequest(caller, input.Body), Stop))).Code.ShouldBe("callsNotSealed");
        var work = new SubmitTaskRequest(null, input.Body, Requirement: new RequirementBody(["test.calls"], 60_000, Explore: false));
        var nobody = await Should.ThrowAsync<StoaException>(() => Client.SubmitAsync(work, cancellationToken: Stop));
        (nobody.Code, nobody.Problem.Errors!.Single().Pointer).ShouldBe(("noCandidate", "/input/sealed"));
        (await Client.GetWalletAsync(Stop)).Held.ShouldBe(held);
        (await _node.RunAsync(caller)).State.ShouldBe("succeeded", "in the clear");

        var plain = await PublishAsync("plain", "test.calls", GuestPrograms.Echo);
        var task = await Client.SubmitAsync(work, cancellationToken: Stop);
        (task.Agent, (await Client.WaitForTaskAsync(task.Id, cancellationToken: Stop)).State).ShouldBe((plain, "succeeded"));

        async Task<string> PublishAsync(string name, string capability, byte[] program, params AgentUseBody[] uses)
        {
            var manifest = new AgentManifestBody(
                name, "1.0.0", "A program of the tests.", [capability], name + ".wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
                new AgentLimitsBody(1_000_000_000, 64 << 20, 60_000, 20_000_000, 4096), new AgentPriceBody("0.0001", "0", "0"), Uses: uses.Length == 0 ? null : uses);
            return (await Client.PublishAgentAsync(
                System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(program), cancellationToken: Stop)).Listing;
        }
    }

    protected virtual async Task<string[]> OptionsAsync() => await source.GetOptionsAsync() is { Provider: StorageProvider.Postgres } postgres
        ? ["--Storage:Provider", "Postgres", "--Storage:ConnectionString", postgres.ConnectionString!, "--Identity:CellKey", Convert.ToBase64String(new byte[32])]
        : [];

    private static TaskInputBody Inline(byte[] bytes) => new(Base64: Convert.ToBase64String(bytes), Sealed: true);

    private static byte[] Seal(SealingPublicKey key, string account)
    {
        var exchange = SealedExchange.Begin(key, account, out var header);
        using var input = new MemoryStream();
        using var sealing = exchange.SealInput(input, header);
        sealing.Complete();
        return input.ToArray();
    }

    private async Task<(TaskResponse Task, SealedInput Input)> SubmitAsync(string agent, byte[] plain)
    {
        var input = await Client.SealInputAsync(new MemoryStream(plain), cancellationToken: Stop);
        return (await Client.SubmitAsync(new SubmitTaskRequest(agent, input.Body), cancellationToken: Stop), input);
    }

    private async Task<(TaskResponse Task, SealedInput Input)> RunAsync(string agent, byte[] plain)
    {
        var (task, input) = await SubmitAsync(agent, plain);
        return (await Client.WaitForTaskAsync(task.Id, cancellationToken: Stop), input);
    }

    private async Task<byte[]> OpenAsync(TaskResponse task, SealSecret secret)
    {
        using var plain = new MemoryStream();
        await Client.DownloadResultAsync(task, secret, plain, cancellationToken: Stop);
        return plain.ToArray();
    }

    /// <summary>All that is told of a task until it has ended, or patience has.</summary>
    private async Task<List<string>> WatchAsync(string id, CancellationToken patience)
    {
        var told = new List<string>();
        try
        {
            await foreach (var one in Client.WatchTaskAsync(id, cancellationToken: patience))
                told.Add(one.Data.GetRawText());
        }
        catch (OperationCanceledException) when (!Stop.IsCancellationRequested)
        {
            // It runs on.
        }

        return told;
    }

    /// <summary>Where a text is: the files of the folder that have its bytes, and the tables that have a row with them.</summary>
    private async Task<List<string>> FindAsync(string folder, string text)
    {
        var wanted = Encoding.UTF8.GetBytes(text);
        var found = new List<string>();
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            if ((await File.ReadAllBytesAsync(file, Stop)).AsSpan().IndexOf(wanted) >= 0)
                found.Add(file);
        }

        if (await source.GetOptionsAsync() is not { Provider: StorageProvider.Postgres })
            return found;
        await using var database = await source.OpenAsync();
        var (plain, hex) = ($"%{text}%", $"%{Convert.ToHexStringLower(wanted)}%");
        var tables = await database.ReadAsync(session => session.QueryAsync<string>("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"), Stop);
        tables.Count.ShouldBeGreaterThan(40);
        foreach (var table in tables)
        {
            if (await database.ReadAsync(
                session => session.QuerySingleAsync<long>($"SELECT COUNT(*) FROM {table} AS t WHERE CAST(t AS TEXT) LIKE @plain OR CAST(t AS TEXT) LIKE @hex", new { plain, hex }), Stop) > 0)
            {
                found.Add(table);
            }
        }

        return found;
    }
}

public sealed class SqliteSealedTasksTests() : SealedTasksConformance(new SqliteSource())
{
    [Fact]
    public async Task Task_SealedToAKeyThatTheNodeHasNoMore_FailsClearly_AndIsRefusedFromThenOn()
    {
        await using var node = await TestNode.StartAsync();
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);
        var input = await node.Client.SealInputAsync(new MemoryStream([1]), cancellationToken: Stop);
        var request = new SubmitTaskRequest(echo, input.Body);
        var task = await node.Client.SubmitAsync(request with { DueAt = DateTimeOffset.UtcNow.AddHours(1) }, cancellationToken: Stop);
        var before = await node.Client.GetSealingKeyAsync(Stop);
        var folder = await node.StopAsync();

        await using (var same = await TestNode.StartAsync(folder))
        {
            (await same.Client.GetSealingKeyAsync(Stop)).KeyId.ShouldBe(before.KeyId);
            await same.StopAsync();
        }

        File.Delete(Path.Combine(folder, "node.key"));
        await using var changed = await TestNode.StartAsync(folder);
        (await changed.Client.GetSealingKeyAsync(Stop)).KeyId.ShouldNotBe(before.KeyId);
        var ended = await changed.Client.ExecuteTaskAsync(task.Id, TimeSpan.FromSeconds(60), Stop);
        (ended.State, ended.Failure?.Code).ShouldBe(("failed", "sealingKeyUnknown"));
        var refused = await Should.ThrowAsync<StoaException>(() => changed.Client.SubmitAsync(request, cancellationToken: Stop));
        (refused.Code, refused.Problem.Status).ShouldBe(("sealingKeyUnknown", 422));
    }

    [Fact]
    public async Task Node_ThatIsKilledWhileASealedTaskRuns_LeavesNoPlaintext_AndTheTaskRunsAgain()
    {
        var folder = Directory.CreateTempSubdirectory("stoa-process-").FullName;
        try
        {
            var plain = Encoding.UTF8.GetBytes("""{"op":"progress","done":1,"message":"KilledInTheMiddle"}""");
            SealedInput input;
            string id;
            await using (var node = await NodeProcess.StartAsync(folder, Stop))
            {
                using var client = new StoaClient(new StoaClientOptions { Address = node.Address, ApiKey = NodeProcess.AdminKey(folder) });
                var limits = new AgentLimitsBody(1_000_000_000_000, 8 << 20, 600_000, 10_000, 10_000);
                var agent = await TestNode.PublishAsync(client, "looping", GuestPrograms.Babble(null), limits);
                input = await client.SealInputAsync(new MemoryStream(plain), cancellationToken: Stop);
                id = (await client.SubmitAsync(new SubmitTaskRequest(agent, input.Body), cancellationToken: Stop)).Id;
                while ((await client.GetTaskAsync(id, Stop)).State != "running")
                    await Task.Yield();
                await node.KillAsync();
            }

            FilesWithPlaintext(folder).ShouldBeEmpty();
            await using var next = await NodeProcess.StartAsync(folder, Stop);
            using var again = new StoaClient(new StoaClientOptions { Address = next.Address, ApiKey = NodeProcess.AdminKey(folder) });
            while ((await again.GetTaskAsync(id, Stop)) is not { State: "running", SealedTo: not null })
                await Task.Yield();
            await again.CancelTaskAsync(id, Stop);
            (await again.WaitForTaskAsync(id, cancellationToken: Stop)).State.ShouldBe("cancelled");
            await next.StopAsync();
            FilesWithPlaintext(folder).ShouldBeEmpty();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static string[] FilesWithPlaintext(string folder) =>
            [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(file => File.ReadAllBytes(file).AsSpan().IndexOf("KilledInTheMiddle"u8) >= 0)];
    }
}

[Trait("needs", "postgres")]
public sealed class PostgresSealedTasksTests(PostgresCluster cluster) : SealedTasksConformance(new PostgresSource(cluster))
{
    [Fact]
    public async Task Task_SealedAtOneNodeOfACell_RunsAtTheOther()
    {
        await using var own = new PostgresSource(cluster);
        string[] options =
        [
            "--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await own.GetOptionsAsync()).ConnectionString!,
            "--Identity:CellKey", Convert.ToBase64String(Enumerable.Repeat((byte)7, 32).ToArray()),
        ];
        await using var eu = await TestNode.StartAsync(null, [.. options, "--Tasks:BeatMs", "100", "--Node:Region", "eu-central"]);
        await using var us = await TestNode.StartAsync(null, [.. options, "--Tasks:BeatMs", "100", "--Node:Region", "us-east"]);
        using var client = us.Connect(eu);
        var echo = await eu.PublishAsync("echo", GuestPrograms.Echo);
        while (await client.ListNodesAsync(Stop).CountAsync(Stop) < 2)
            await Task.Yield();
        PeerId[] nodes = [PeerId.Parse((await eu.Client.GetNodeAsync(Stop)).PeerId), PeerId.Parse((await client.GetNodeAsync(Stop)).PeerId)];

        var input = await client.SealInputAsync(new MemoryStream("from here to there"u8.ToArray()), nodes, cancellationToken: Stop);
        var task = await client.SubmitAsync(new SubmitTaskRequest(echo, input.Body, Regions: ["eu-central"]), cancellationToken: Stop);
        task = await client.WaitForTaskAsync(task.Id, cancellationToken: Stop);

        task.State.ShouldBe("succeeded");
        using var plain = new MemoryStream();
        await client.DownloadResultAsync(task, input.Secret, plain, cancellationToken: Stop);
        plain.ToArray().ShouldBe("from here to there"u8.ToArray());
        ReceiptVerifier.Verify(await client.GetReceiptAsync(task.Id, Stop), nodes[0]).Value.SealedTo.ToString().ShouldBe(input.KeyId);
        await Should.ThrowAsync<FormatException>(() => client.SealInputAsync(new MemoryStream([1]), [nodes[0]], cancellationToken: Stop));
    }

    [Fact]
    public async Task Cell_WhoseDatabaseHasItsKey_SealsNothingAndSaysWhatToDo()
    {
        await using var own = new PostgresSource(cluster);
        await using var node = await TestNode.StartAsync(null, "--Storage:Provider", "Postgres", "--Storage:ConnectionString", (await own.GetOptionsAsync()).ConnectionString!);
        var echo = await node.PublishAsync("echo", GuestPrograms.Echo);

        var off = await Should.ThrowAsync<StoaException>(() => node.Client.GetSealingKeyAsync(Stop));
        (off.Code, off.Problem.Status).ShouldBe(("sealingOff", 501));
        off.Message.ShouldContain("Identity:CellKey");
        var refused = await Should.ThrowAsync<StoaException>(
            () => node.Client.SubmitAsync(new SubmitTaskRequest(echo, new TaskInputBody(Base64: "", Sealed: true)), cancellationToken: Stop));
        refused.Code.ShouldBe("sealingOff");
    }
}
