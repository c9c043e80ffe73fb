using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Tests.Tasks;
using Stoa.Node.Tests.Hosting;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Builds;

/// <summary>Somebody who would fill disk and memory of a whole node with uploads and publications that count for nobody, and somebody who wants to be rid of what he has.</summary>
[Trait("speed", "slow")]
public sealed class UploadsTests : IAsyncLifetime
{
    private const int ContentBytes = 200_000;

    private TestNode _node = null!;
    private string _folder = null!;
    private StoaClient _ada = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private int Port => _node.Client.Options.Address.Port;

    public async ValueTask InitializeAsync()
    {
        _folder = Directory.CreateTempSubdirectory("stoa-node-").FullName;
        _node = await TestNode.StartAsync(
            _folder,
            "--Tasks:Workers", "1", "--Quotas:ContentBytes", $"{ContentBytes}", "--Builds:MaxBlobBytes", "150000", "--Builds:MaxUploadsPerUser", "3",
            "--Builds:MaxPublicationsPerUser", "2", "--Builds:MaxPublications", "3", "--Builds:MaxPublicationSeconds", "300");
        _ada = await _node.JoinAsync("ada");
    }

    public async ValueTask DisposeAsync()
    {
        _ada.Dispose();
        await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Publication_ThatIsRefused_LeavesNothingBehind()
    {
        await TestNode.PublishAsync(_ada, "tool", GuestPrograms.Echo);
        var before = Files();

        for (var loops = 1; loops <= 5; loops++)
            (await Should.ThrowAsync<StoaException>(() => TestNode.PublishAsync(_ada, "tool", GuestPrograms.EchoAfter(loops)))).Code.ShouldBe("versionExists");
        await _ada.WithdrawAgentAsync(AgentReference.Parse("ada/tool"), null, Stop);
        (await Should.ThrowAsync<StoaException>(() => TestNode.PublishAsync(_ada, "tool", GuestPrograms.Echo))).Code.ShouldBe("versionWithdrawn");

        Files().ShouldBe(before);
        using var anonymous = new HttpClient { BaseAddress = _node.Client.Options.Address };
        (await anonymous.GetAsync($"/api/v1/blobs/{ContentHash.Of(GuestPrograms.EchoAfter(1))}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await anonymous.GetAsync($"/api/v1/blobs/{ContentHash.Of(GuestPrograms.Echo)}", Stop)).StatusCode.ShouldBe(HttpStatusCode.OK, "what is published is public");
        (await _ada.GetQuotaAsync(Stop)).ContentBytes.ShouldBe(GuestPrograms.Echo.Length);
    }

    [Fact]
    public async Task Publications_ThatNeverEnd_AreFew_AndLeaveRoomForOthers()
    {
        using var bob = await _node.JoinAsync("bob");
        var held = new List<TcpClient> { await BeginAsync(_ada, "POST /api/v1/agents/upload", PublicationHeaders(150_000)), await BeginAsync(_ada, "POST /api/v1/agents/upload", PublicationHeaders(150_000)) };
        try
        {
            using var refused = await AnswerWhenAsync(() => BeginAsync(_ada, "POST /api/v1/agents/upload", PublicationHeaders(150_000)), held, 429);
            (await ReadAsync(refused)).ShouldSatisfyAllConditions(
                answer => answer.ShouldContain("publicationsTooMany"), answer => answer.ShouldContain("Retry-After: 5"));
            await TestNode.PublishAsync(bob, "tool", GuestPrograms.Echo);

            held.Add(await BeginAsync(bob, "POST /api/v1/agents/upload", PublicationHeaders(150_000)));
            using var busy = await AnswerWhenAsync(() => BeginAsync(_node.Client, "POST /api/v1/agents/upload", PublicationHeaders(150_000)), held, 503);
            (await ReadAsync(busy)).ShouldContain("publishingBusy");
        }
        finally
        {
            held.ForEach(connection => connection.Dispose());
        }

        // Whoever hung up has no place any more.
        await Eventually.IsSoAsync(async () =>
        {
            try
            {
                await TestNode.PublishAsync(_ada, "tool", GuestPrograms.Echo);
                return true;
            }
            catch (StoaException refused) when (refused.Code is "publicationsTooMany" or "publishingBusy" or "storageQuotaExceeded")
            {
                return false;
            }
        });
    }

    [Fact]
    public async Task Publication_ForWhichThereIsNoRoom_IsRefusedBeforeItIsSent()
    {
        await _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(MaxContentBytes: 1_000), Stop);
        using var tooMuch = await BeginAsync(_ada, "POST /api/v1/agents/upload", PublicationHeaders(1_000_000));
        (await ReadAsync(tooMuch)).ShouldContain("storageQuotaExceeded");
        using var tooLong = await BeginAsync(_ada, "POST /api/v1/agents/upload", PublicationHeaders(1L << 40));
        (await ReadAsync(tooLong)).ShouldContain("payloadTooLarge");
    }

    [Fact]
    public async Task Uploads_ThatDoNotSayHowLongTheyAre_GetNoRoomTwice()
    {
        var held = new List<TcpClient>();
        try
        {
            held.Add(await LetInAsync("Transfer-Encoding: chunked\r\nContent-Type: application/octet-stream"));
            // 150,000 of 200,000 bytes are kept for the first one.
            using var refused = await AnswerWhenAsync(() => BeginAsync(_ada, "POST /api/v1/blobs", BlobHeaders(60_000)), held, 507);
            (await ReadAsync(refused)).ShouldSatisfyAllConditions(answer => answer.ShouldContain("storageQuotaExceeded"), answer => answer.ShouldContain("under way"));
            held.Add(await LetInAsync(BlobHeaders(10_000)));
            held.Add(await LetInAsync(BlobHeaders(10_000)));
            using var tooMany = await AnswerWhenAsync(() => BeginAsync(_ada, "POST /api/v1/blobs", BlobHeaders(10)), held, 429);
            (await ReadAsync(tooMany)).ShouldContain("uploadsTooMany");
        }
        finally
        {
            held.ForEach(connection => connection.Dispose());
        }
    }

    [Fact]
    public async Task Upload_OfWhatOneHas_IsAnsweredUnread_AndOfWhatIsPublic_Counts()
    {
        var blob = await _ada.UploadAsync(new MemoryStream(new byte[1_000]), cancellationToken: Stop);
        using (var again = await BeginAsync(_ada, $"PUT /api/v1/blobs/{blob.Digest}", BlobHeaders(150_000)))
            (await ReadAsync(again)).ShouldStartWith("HTTP/1.1 201");
        using (var tooLong = await BeginAsync(_ada, $"PUT /api/v1/blobs/{blob.Digest}", BlobHeaders(150_001)))
            (await ReadAsync(tooLong)).ShouldStartWith("HTTP/1.1 413");

        await _node.PublishAsync("tool", GuestPrograms.Echo);
        await _node.Client.SetQuotaAsync("ada", new SetQuotaRequest(MaxContentBytes: 1_001), Stop);
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", _ada.Options.ApiKey);
        using var body = new ByteArrayContent(GuestPrograms.Echo) { Headers = { ContentType = new MediaTypeHeaderValue("application/octet-stream") } };
        using var put = await http.PutAsync($"/api/v1/blobs/{ContentHash.Of(GuestPrograms.Echo)}", body, Stop);
        put.StatusCode.ShouldBe(HttpStatusCode.InsufficientStorage);
    }

    [Fact]
    public async Task Content_ThatIsDeleted_IsNobodysAndCountsNoMore()
    {
        using var bob = await _node.JoinAsync("bob");
        var listing = await _node.PublishAsync("echo", GuestPrograms.Echo);
        await _node.Client.DepositAsync(new DepositRequest("ada", "1"), Stop);
        var (small, large) = (await UploadAsync(_ada, 100, 1), await UploadAsync(_ada, 90_000, 2));
        (await _ada.ListBlobsAsync(Stop).Select(blob => (blob.Digest, blob.SizeBytes)).ToListAsync(Stop)).ShouldBe([(large, 90_000), (small, 100)]);
        (await bob.ListBlobsAsync(Stop).ToListAsync(Stop)).ShouldBeEmpty();

        var waiting = await _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: large), DueAt: DateTimeOffset.UtcNow.AddHours(1)), cancellationToken: Stop);
        var used = await Should.ThrowAsync<StoaException>(() => _ada.DeleteBlobAsync(large, Stop));
        (used.Code, used.Problem.Status).ShouldBe(("contentInUse", 409));
        used.Problem.Detail!.ShouldContain(waiting.Id);
        await _ada.CancelTaskAsync(waiting.Id, Stop);

        var task = await _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: large)), cancellationToken: Stop);
        task = await _ada.WaitForTaskAsync(task.Id, cancellationToken: Stop);
        task.Result!.Digest.ShouldBe(large, "the echo of the input");
        (await Should.ThrowAsync<StoaException>(() => bob.DeleteBlobAsync(large, Stop))).Problem.Status.ShouldBe(404);
        await _ada.DeleteBlobAsync(large, Stop);

        (await Should.ThrowAsync<StoaException>(() => _ada.DeleteBlobAsync(large, Stop))).Problem.Status.ShouldBe(404);
        (await _ada.FindBlobAsync(large, Stop)).ShouldBeNull();
        (await _ada.GetQuotaAsync(Stop)).ContentBytes.ShouldBe(100);
        (await Should.ThrowAsync<StoaException>(() => _ada.SubmitAsync(new SubmitTaskRequest(listing, new TaskInputBody(Digest: large)), cancellationToken: Stop))).Code.ShouldBe("inputUnknown");
        var gone = await Should.ThrowAsync<StoaException>(() => _ada.DownloadResultAsync(task, Stream.Null, cancellationToken: Stop));
        (gone.Code, gone.Problem.Status).ShouldBe(("resultDeleted", 410));
        using var http = new HttpClient { BaseAddress = _node.Client.Options.Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", _ada.Options.ApiKey);
        (await RunningNode.ReadProblemAsync(await http.GetAsync($"/api/v1/tasks/{task.Id}/input", Stop))).Code.ShouldBe("inputUnknown");
        (await _ada.GetReceiptAsync(task.Id, Stop)).ShouldNotBeNull("what was done is proved all the same");
    }

    [Fact]
    public async Task Content_ThatMakesBids_Stays()
    {
        using var bob = await _node.JoinAsync("bob");
        await TestNode.PublishAsync(_ada, "tool", GuestPrograms.Echo);
        var program = (await _ada.UploadAsync(new MemoryStream(GuestPrograms.EchoAfter(1)), cancellationToken: Stop)).Digest;
        await bob.UploadAsync(new MemoryStream(GuestPrograms.EchoAfter(1)), cancellationToken: Stop);
        await _ada.SetBiddingAsync(AgentReference.Parse("ada/tool"), new BiddingPolicyBody("wasm", Program: program), Stop);

        (await Should.ThrowAsync<StoaException>(() => _ada.DeleteBlobAsync(program, Stop))).Problem.Detail!.ShouldContain("ada/tool");
        await bob.DeleteBlobAsync(program, Stop);
        await _ada.ResetBiddingAsync(AgentReference.Parse("ada/tool"), Stop);
        await _ada.DeleteBlobAsync(program, Stop);
    }

    private static string PublicationHeaders(long length) => $"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length.ToString(CultureInfo.InvariantCulture)}";

    private static string BlobHeaders(long length) => $"Content-Type: application/octet-stream\r\nContent-Length: {length.ToString(CultureInfo.InvariantCulture)}";

    private static async Task<string> UploadAsync(StoaClient client, int size, byte value) =>
        (await client.UploadAsync(new MemoryStream([.. Enumerable.Repeat(value, size)]), cancellationToken: Stop)).Digest;

    /// <summary>Sends the head of a request, and nothing of its body.</summary>
    private async Task<TcpClient> BeginAsync(StoaClient client, string request, string headers)
    {
        var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, Port, Stop);
        await connection.GetStream().WriteAsync(
            Encoding.ASCII.GetBytes($"{request} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.Options.ApiKey}\r\n{headers}\r\n\r\n"), Stop);
        return connection;
    }

    /// <summary>Begins an upload that is let in: it is asked to go on.</summary>
    private async Task<TcpClient> LetInAsync(string headers)
    {
        var connection = await BeginAsync(_ada, "POST /api/v1/blobs", headers + "\r\nExpect: 100-continue");
        var first = new byte[12];
        await connection.GetStream().ReadExactlyAsync(first, Stop);
        Encoding.ASCII.GetString(first).ShouldBe("HTTP/1.1 100");
        return connection;
    }

    /// <summary>Begins requests until one is answered with a status: those that were begun before it may not have been looked at yet. One that is let in is held.</summary>
    private static async Task<TcpClient> AnswerWhenAsync(Func<Task<TcpClient>> begin, List<TcpClient> held, int status)
    {
        while (true)
        {
            var connection = await begin();
            // Of requests that are not answered one is let in for another one that comes late: none is more than may be.
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            patience.CancelAfter(TimeSpan.FromSeconds(5));
            var first = new byte[12];
            try
            {
                await connection.GetStream().ReadExactlyAsync(first, patience.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or EndOfStreamException && !Stop.IsCancellationRequested)
            {
                held.Add(connection);
                continue;
            }

            Encoding.ASCII.GetString(first).ShouldBe($"HTTP/1.1 {status}");
            return connection;
        }
    }

    /// <summary>What is answered, as far as it is said how long it is.</summary>
    private static async Task<string> ReadAsync(TcpClient connection)
    {
        var (text, buffer) = ("", new byte[16 << 10]);
        while (true)
        {
            var read = await connection.GetStream().ReadAsync(buffer, Stop);
            text += Encoding.UTF8.GetString(buffer, 0, read);
            if (read == 0 || (text.Contains("\r\n\r\n", StringComparison.Ordinal) && (text.EndsWith('}') || text.EndsWith("0\r\n\r\n", StringComparison.Ordinal))))
                return text;
        }
    }

    private List<string> Files() => [.. Directory.EnumerateFiles(Path.Combine(_folder, "content", "sha256"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
}
