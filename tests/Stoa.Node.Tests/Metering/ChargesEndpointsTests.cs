using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Metering;
using Stoa.Node.Storage;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;
using UsageQuery = Stoa.Client.Contracts.UsageQuery;

namespace Stoa.Node.Tests.Metering;

/// <summary>Storage and transfer on production wiring. A byte that is sent costs a nanodollar, and 100,000 a month are free; 1,000,000 are kept for nothing.</summary>
[Trait("speed", "slow")]
public sealed class ChargesEndpointsTests : IAsyncLifetime
{
    private const long FreeBytes = 100_000;

    private TestNode _node = null!;
    private StoaClient _ada = null!;
    private HttpClient _http = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _node = await TestNode.StartAsync(
            null,
            "--Metering:PollMs", "20",
            "--Metering:UnpaidStorageDays", "1", "--Metering:StorageGibMonth", "100", "--Metering:FreeStorageBytes", "1000000", "--Metering:TransferGib", "1.073741824", "--Metering:FreeTransferBytes", $"{FreeBytes}");
        _ada = await _node.JoinAsync("ada");
        _http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        _http.DefaultRequestHeaders.Authorization = new("Bearer", _ada.Options.ApiKey);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _ada.Dispose();
        await _node.DisposeAsync();
    }

    [Fact]
    public async Task Prices_AreToldToEverybody()
    {
        using var anonymous = new HttpClient { BaseAddress = _node.Client.Options.Address };
        var node = await RunningNode.ReadAsync<NodeResponse>(await anonymous.GetAsync("/api/v1/node", Stop));

        node.Prices.ShouldBe(new UsagePricesBody("100.000000000", 1_000_000, "1.073741824", FreeBytes));
    }

    [Fact]
    public async Task Upload_ThatCannotBePaid_IsRefusedUntilItCan()
    {
        await UploadAsync(900_000, 1);
        var refused = await Should.ThrowAsync<StoaException>(() => UploadAsync(2_000_000, 2));
        (refused.Code, refused.Problem.Status).ShouldBe(("storageUnpaid", 402));
        refused.Problem.Detail.ShouldContain("Pay in");
        (await PostChunkedAsync(2_000_000, 3)).ShouldBe(("storageUnpaid", 402));
        (await PostChunkedAsync(50_000, 4)).ShouldBe(("", 201));
        (await _ada.GetQuotaAsync(Stop)).ContentBytes.ShouldBe(950_000);

        await _node.Client.DepositAsync(new DepositRequest("ada", "0.000400"), Stop);
        await UploadAsync(2_000_000, 2);
        var storage = _node.Host.Services.GetRequiredService<SqlStorageFees>();
        var prices = _node.Host.Services.GetRequiredService<UsagePrices>();
        var hour = DateTimeOffset.UtcNow.AddHours(1);
        await ChargeAsync(hour);

        // It is paid, and told by wallet, events, reports and CSV.
        var price = prices.HourOf(2_950_000);
        (await _ada.GetQuotaAsync(Stop)).StorageHour.ShouldBe(price.ToString());
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe((Money.Parse("0.0004") - price).ToString());
        var paid = (await _ada.ListTransfersAsync(Stop).ToListAsync(Stop))[0];
        (paid.Purpose, paid.Amount).ShouldBe(("storageFee", price.ToString()));
        var used = (await _ada.ListUsageEventsAsync(null, Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        PortSchema.Validate(Encoding.UTF8.GetString(UsageSchema.Utf8), JsonSerializer.SerializeToUtf8Bytes(used, StoaJson.Default.CloudEvent)).ShouldBeEmpty();
        (used.Id, used.Type, used.Data.GetProperty("quantities").GetProperty("byteHours").GetInt64(), used.Data.GetProperty("price").GetString())
            .ShouldBe((paid.Cause, "stoa.usage.storage", 1_950_000, price.ToString()));
        (await _node.Client.ListUsageEventsAsync("operator", Stop).ToListAsync(Stop)).ShouldHaveSingleItem().Id.ShouldBe(used.Id);
        var query = new UsageQuery { To = hour.AddHours(1) };
        (await _ada.ListUsageAsync(query, Stop).ToListAsync(Stop)).ShouldHaveSingleItem()
            .ShouldSatisfyAllConditions(row => row.Group.ShouldBe("storage"), row => row.ByteHours.ShouldBe(1_950_000), row => row.Paid.ShouldBe(price.ToString()), row => row.Charges.ShouldBe(1));
        (await _node.Client.ListUsageAsync(query with { Role = "operator", GroupBy = "kind" }, Stop).ToListAsync(Stop)).ShouldHaveSingleItem()
            .ShouldSatisfyAllConditions(row => row.Group.ShouldBe("storage"), row => row.Earned.ShouldBe(used.Data.GetProperty("shares").GetProperty("node").GetString()));
        using var csv = new MemoryStream();
        await _ada.ExportUsageAsync(csv, query with { By = "month" }, Stop);
        Encoding.UTF8.GetString(csv.ToArray()).ShouldContain($",storage,1,0,0,0,0,{price},,0,1,1950000,0");
        (await _node.Client.VerifyUsageAsync(Stop)).Holds.ShouldBeTrue();

        // The next hours empty the wallet; and then it is said who does not pay.
        for (var hours = 1; hours < 4; hours++)
            await ChargeAsync(hour.AddHours(hours));
        var unpaid = (await _node.Client.ListUnpaidStorageAsync(Stop).ToListAsync(Stop)).ShouldHaveSingleItem();
        (unpaid.Handle, unpaid.ContentBytes, unpaid.StorageHour).ShouldBe(("ada", 2_950_000, price.ToString()));
        (await _ada.GetQuotaAsync(Stop)).UnpaidSince.ShouldBe(unpaid.UnpaidSince);
        (await Should.ThrowAsync<StoaException>(() => _ada.ListUnpaidStorageAsync(Stop).ToListAsync(Stop).AsTask())).Problem.Status.ShouldBe(403);
        (await Should.ThrowAsync<StoaException>(() => UploadAsync(10, 5))).Code.ShouldBe("storageUnpaid");
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
        await UploadAsync(10, 5);
        (await _ada.GetQuotaAsync(Stop)).UnpaidSince.ShouldBeNull();

        async Task ChargeAsync(DateTimeOffset at)
        {
            while (!await storage.ChargeAsync(at, Stop))
            {
            }
        }
    }

    [Fact]
    public async Task Content_ThatWasNotPaidForTooLong_IsNeitherSentNorTakenAsInput()
    {
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var agent = await _ada.GetAgentAsync(AgentReference.Parse(listing), Stop);
        await _node.Client.DepositAsync(new DepositRequest("ada", "0.01"), Stop);
        var blob = await UploadAsync(70_000, 1);
        var task = await _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: blob)), cancellationToken: Stop);
        (await _ada.WaitForTaskAsync(task.Id, cancellationToken: Stop)).State.ShouldBe("succeeded");
        await UploadAsync(2_000_000, 2);
        var database = _node.Host.Services.GetRequiredService<Database>();
        // All that is left is held, as by a task that runs for long.
        var owner = (await _ada.GetMeAsync(Stop)).Id;
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE accounts SET pending_debits = posted WHERE owner = @owner AND kind = 'Wallet'", new { owner }), Stop);
        var storage = _node.Host.Services.GetRequiredService<SqlStorageFees>();
        for (var hours = 1; hours <= 24; hours++)
        {
            while (!await storage.ChargeAsync(DateTimeOffset.UtcNow.AddHours(hours), Stop))
            {
            }
        }

        (await GetAsync(blob)).ShouldBe((402, "storageUnpaid"));
        foreach (var part in (string[])["result", "input"])
        {
            using var answer = await _http.GetAsync($"/api/v1/tasks/{task.Id}/{part}", Stop);
            ((int)answer.StatusCode, (await RunningNode.ReadProblemAsync(answer)).Code).ShouldBe((402, "storageUnpaid"), part);
        }

        (await Should.ThrowAsync<StoaException>(() => _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: blob)), cancellationToken: Stop))).Code.ShouldBe("storageUnpaid");
        (await GetAsync(agent.ProgramDigest)).Status.ShouldBe(200);
        using var head = await _http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/api/v1/blobs/{blob}"), Stop);
        head.StatusCode.ShouldBe(HttpStatusCode.OK, "whether it is there is told");

        // As soon as there is money the node has the hour paid by itself.
        await database.WriteAsync(session => session.ExecuteAsync("UPDATE accounts SET pending_debits = 0 WHERE owner = @owner AND kind = 'Wallet'", new { owner }), Stop);
        await Eventually.IsSoAsync(async () => (await _ada.GetQuotaAsync(Stop)).UnpaidSince is null);
        (await GetAsync(blob)).ShouldBe((200, "70000"));
        task = await _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: blob)), cancellationToken: Stop);
        (await _ada.WaitForTaskAsync(task.Id, cancellationToken: Stop)).State.ShouldBe("succeeded");
    }

    [Fact]
    public async Task Download_BeyondWhatIsFree_IsPaidAndBeyondTheWalletRefused()
    {
        var blob = await UploadAsync(150_000, 1);
        (await GetAsync(blob)).ShouldBe((402, "insufficientFunds"));
        (await GetAsync(blob, "bytes=0-99999")).ShouldBe((206, "100000"));
        await EndedAsync();
        (await GetAsync(blob, "bytes=0-0")).ShouldBe((402, "insufficientFunds"));

        await _node.Client.DepositAsync(new DepositRequest("ada", "0.000151"), Stop);
        (await GetAsync(blob)).ShouldBe((200, "150000"));
        await EndedAsync();
        (await _ada.GetWalletAsync(Stop)).Available.ShouldBe("0.000001000");
        (await GetAsync(blob)).ShouldBe((402, "insufficientFunds"));
        (await GetAsync(blob, "bytes=0-999")).ShouldBe((206, "1000"));
        await EndedAsync();
        var quota = await _ada.GetQuotaAsync(Stop);
        (quota.FreeTransferBytes, quota.PaidTransferBytes).ShouldBe((100_000, 151_000));
        var events = await _ada.ListUsageEventsAsync(null, Stop).ToListAsync(Stop);
        events.ShouldAllBe(used => used.Type == "stoa.usage.transfer");
        events.Select(used => used.Data.GetProperty("quantities").GetProperty("bytes").GetInt64()).ShouldBe([1_000, 150_000]);
        foreach (var used in events)
            PortSchema.Validate(Encoding.UTF8.GetString(UsageSchema.Utf8), JsonSerializer.SerializeToUtf8Bytes(used, StoaJson.Default.CloudEvent)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Download_ByAViewerOfAnOrganisation_SpendsNothingOfIt()
    {
        using var vic = await _node.JoinAsync("vic");
        await _ada.CreateOrganisationAsync(new CreateOrganisationRequest("acme", "Acme"), Stop);
        var invited = await _ada.InviteAsync("acme", new InviteRequest("viewer", "vic"), Stop);
        await vic.AcceptInvitationAsync(invited.Id, new AcceptInvitationRequest(), Stop);
        await _node.Client.DepositAsync(new DepositRequest("acme", "1"), Stop);
        using var acting = new StoaClient(_ada.Options with { Organisation = "acme" });
        var blob = (await acting.UploadAsync(new MemoryStream(Bytes(70_000, 1)), cancellationToken: Stop)).Digest;
        var before = (await acting.GetWalletAsync(Stop)).Available;

        for (var times = 0; times < 3; times++)
            (await GetAsAsync(vic)).ShouldBe((403, "spendingForbidden"));

        (await acting.GetWalletAsync(Stop)).Available.ShouldBe(before);
        (await GetAsAsync(_ada)).Status.ShouldBe(200);
        await EndedAsync();
        (await acting.GetQuotaAsync(Stop)).PaidTransferBytes.ShouldBe(70_000);

        // Neither does a key that may only read.
        var own = await UploadAsync(150_000, 2);
        var reading = await _ada.CreateApiKeyAsync(new CreateApiKeyRequest("reads", Scopes: ["tasks:read"]), Stop);
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{own}");
        request.Headers.Authorization = new("Bearer", reading.Secret);
        using var answer = await _http.SendAsync(request, Stop);
        ((int)answer.StatusCode, (await RunningNode.ReadProblemAsync(answer)).Code).ShouldBe((403, "spendingForbidden"));

        async Task<(int Status, string Code)> GetAsAsync(StoaClient client)
        {
            using var asked = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{blob}");
            asked.Headers.Authorization = new("Bearer", client.Options.ApiKey);
            asked.Headers.Add("Stoa-Organisation", "acme");
            using var got = await _http.SendAsync(asked, Stop);
            return got.IsSuccessStatusCode ? ((int)got.StatusCode, "") : ((int)got.StatusCode, (await RunningNode.ReadProblemAsync(got)).Code);
        }
    }

    [Fact]
    public async Task Download_OfStrangeRanges_CountsWhatIsSent()
    {
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
        var blob = await UploadAsync(10_000, 1);
        var sent = 0L;
        foreach (var range in (string[])
        [
            "bytes=0-0,5-9", "bytes=-1", "bytes=-99999999", "bytes=9999-", "bytes=10000-", "bytes=5-2", "bytes=0-18446744073709551615", "bytes=0-9223372036854775807",
            "bytes=99999999999999999999-", "bytes=", "bytes=a-b", "lines=0-1", "bytes=--1", "bytes=0-0,0-0,0-0,0-0",
        ])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{blob}");
            request.Headers.TryAddWithoutValidation("Range", range);
            using var answer = await _http.SendAsync(request, Stop);
            var bytes = await answer.Content.ReadAsByteArrayAsync(Stop);
            answer.StatusCode.ShouldBeOneOf(HttpStatusCode.OK, HttpStatusCode.PartialContent, HttpStatusCode.RequestedRangeNotSatisfiable);
            if (answer.StatusCode is not HttpStatusCode.RequestedRangeNotSatisfiable)
                sent += bytes.Length;
            await EndedAsync();
            (await CountedAsync()).ShouldBe(sent, range);
        }

        // What is answered without content costs nothing.
        using var head = await _http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/api/v1/blobs/{blob}"), Stop);
        (head.StatusCode, head.Content.Headers.ContentLength).ShouldBe((HttpStatusCode.OK, 10_000));
        using var known = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{blob}");
        known.Headers.IfNoneMatch.Add(new EntityTagHeaderValue($"\"{blob}\""));
        (await _http.SendAsync(known, Stop)).StatusCode.ShouldBe(HttpStatusCode.NotModified);
        (await CountedAsync()).ShouldBe(sent);

        async Task<long> CountedAsync() => await _ada.GetQuotaAsync(Stop) is var quota ? quota.FreeTransferBytes + quota.PaidTransferBytes : 0;
    }

    [Fact]
    public async Task Download_ThatItsReaderCutsShort_IsPaidAsFarAsItWasSent()
    {
        const int Size = 64 << 20;
        await _node.Client.DepositAsync(new DepositRequest("ada", "10"), Stop);
        var blob = await UploadAsync(Size, 1);
        var received = 0L;
        using (var connection = new TcpClient())
        {
            connection.ReceiveBufferSize = 64 << 10;
            await connection.ConnectAsync(IPAddress.Loopback, _node.Client.Options.Address.Port, Stop);
            var stream = connection.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /api/v1/blobs/{blob} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {_ada.Options.ApiKey}\r\n\r\n"), Stop);
            var buffer = new byte[64 << 10];
            while (received < 1 << 20)
                received += await stream.ReadAsync(buffer, Stop);
            (await _ada.GetWalletAsync(Stop)).Held.ShouldBe(new Money(Size - FreeBytes).ToString(), "all of it is held while it is under way");
            connection.LingerState = new LingerOption(true, 0);
        }

        await EndedAsync();
        var wallet = await _ada.GetWalletAsync(Stop);
        wallet.Held.ShouldBe("0.000000000");
        var paid = (Money.Parse("10") - Money.Parse(wallet.Available)).Nanodollars;
        paid.ShouldBeGreaterThanOrEqualTo(received - FreeBytes - 4_096, "what was received was sent, apart from the headers");
        paid.ShouldBeLessThan(Size - FreeBytes);
        (await _ada.GetQuotaAsync(Stop)).PaidTransferBytes.ShouldBe(paid);
    }

    [Fact]
    public async Task Download_OfWhatIsPublicOrSmall_CostsNothing()
    {
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        var agent = await _ada.GetAgentAsync(AgentReference.Parse(listing), Stop);
        (await GetAsync(agent.ProgramDigest)).Status.ShouldBe(200);
        (await _http.GetAsync($"/api/v1/agents/{listing.Replace("@", "/", StringComparison.Ordinal)}/program", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK);
        await EndedAsync();
        (await _ada.GetQuotaAsync(Stop)).FreeTransferBytes.ShouldBe(0);

        // What is more than fits into the row of a task comes out of the content store.
        await _node.Client.DepositAsync(new DepositRequest("ada", "5"), Stop);
        foreach (var size in (int[])[100, 80_000])
        {
            var task = await _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: await UploadAsync(size, 1))), cancellationToken: Stop);
            task = await _ada.WaitForTaskAsync(task.Id, cancellationToken: Stop);
            task.State.ShouldBe("succeeded");
            (await (await _http.GetAsync($"/api/v1/tasks/{task.Id}/result", Stop)).Content.ReadAsByteArrayAsync(Stop)).Length.ShouldBe(size);
        }

        await EndedAsync();
        (await _ada.GetQuotaAsync(Stop)).FreeTransferBytes.ShouldBe(80_000);
    }

    [Fact]
    public async Task Export_OfAPerson_HasWhatWasPaid()
    {
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
        var blob = await UploadAsync(150_000, 1);
        await GetAsync(blob);
        await EndedAsync();

        using var answer = await _http.PostAsync("/api/v1/users/me/export", new StringContent("{}", Encoding.UTF8, "application/json"), Stop);
        var lines = (await answer.Content.ReadAsStringAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToList();

        var charge = lines.Where(line => line.GetProperty("kind").GetString() == "usage_charges").ShouldHaveSingleItem().GetProperty("value");
        (charge.GetProperty("kind").GetString(), charge.GetProperty("quantity").GetInt64()).ShouldBe(("Transfer", 50_000));
        lines.Where(line => line.GetProperty("kind").GetString() == "transfer_months").ShouldHaveSingleItem().GetProperty("value").GetProperty("paidBytes").GetInt64().ShouldBe(50_000);
    }

    private async Task<string> UploadAsync(int size, byte value) => (await _ada.UploadAsync(new MemoryStream(Bytes(size, value)), cancellationToken: Stop)).Digest;

    private static byte[] Bytes(int size, byte value)
    {
        var bytes = new byte[size];
        Array.Fill(bytes, value);
        return bytes;
    }

    /// <summary>Downloads, and answers the status with how many bytes came, or with the code of the problem.</summary>
    private async Task<(int Status, string Answer)> GetAsync(string digest, string? range = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/blobs/{digest}");
        if (range is not null)
            request.Headers.TryAddWithoutValidation("Range", range);
        using var answer = await _http.SendAsync(request, Stop);
        if (!answer.IsSuccessStatusCode)
            return ((int)answer.StatusCode, (await RunningNode.ReadProblemAsync(answer)).Code);
        return ((int)answer.StatusCode, (await answer.Content.ReadAsByteArrayAsync(Stop)).Length.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Waits until what was sent is written down.</summary>
    private async Task EndedAsync()
    {
        var database = _node.Host.Services.GetRequiredService<Database>();
        await Eventually.IsSoAsync(async () => await database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM open_transfers"), Stop) == 0);
    }

    /// <summary>Uploads bytes without saying how many there are.</summary>
    private async Task<(string Code, int Status)> PostChunkedAsync(int size, byte value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/blobs") { Content = new StreamContent(new MemoryStream(Bytes(size, value))) };
        request.Headers.TransferEncodingChunked = true;
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        using var answer = await _http.SendAsync(request, Stop);
        return (answer.IsSuccessStatusCode ? "" : (await RunningNode.ReadProblemAsync(answer)).Code, (int)answer.StatusCode);
    }
}
