using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using Stoa.Client.Contracts;
using Stoa.Node.Identity;
using Stoa.Node.Tests.Hosting;

namespace Stoa.Node.Tests.Events;

/// <summary>Streams that are open end when the right to them is gone, and not before.</summary>
public sealed class StandingRightTests(StandingRightTests.NodeOfLittleSilence shared) : IClassFixture<StandingRightTests.NodeOfLittleSilence>
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private RunningNode Node => shared.Node;

    [Fact]
    public async Task Stream_OfASessionThatIsEnded_Ends()
    {
        using var ada = await Node.NewMemberAsync("ada-stream");
        using var other = await Node.NewMemberAsync("other-stream");
        using var stream = await OpenAsync(ada);
        using var othersStream = await OpenAsync(other);

        (await ada.DeleteAsync("/api/v1/sessions/current", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await ShouldEndAsync(stream);
        await ShouldGoOnAsync(othersStream);
    }

    [Fact]
    public async Task Stream_OfAKeyThatIsRevoked_Ends()
    {
        using var kim = await Node.NewMemberAsync("kim-stream");
        var key = await RunningNode.ReadAsync<ApiKeyResponse>(await kim.PostAsJsonAsync("/api/v1/api-keys", new { name = "k" }, Stop));
        using var byKey = Node.NewClient(key.Secret);
        using var stream = await OpenAsync(byKey);
        using var ofSession = await OpenAsync(kim);

        (await kim.DeleteAsync($"/api/v1/api-keys/{key.Id}", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await ShouldEndAsync(stream);
        await ShouldGoOnAsync(ofSession);
    }

    [Fact]
    public async Task Stream_OfAMemberWhoIsRemoved_Ends_AndOfTheOwnAccountGoesOn()
    {
        using var boss = await Node.NewMemberAsync("boss-stream");
        using var meg = await Node.NewMemberAsync("meg-stream");
        (await boss.PostAsJsonAsync("/api/v1/organisations", new { handle = "org-stream", name = "x" }, Stop)).EnsureSuccessStatusCode();
        var invitation = await RunningNode.ReadAsync<InvitationResponse>(
            await boss.PostAsJsonAsync("/api/v1/organisations/org-stream/invitations", new { handle = "meg-stream", role = "viewer" }, Stop));
        (await meg.PostAsJsonAsync($"/api/v1/invitations/{invitation.Id}/acceptance", new { }, Stop)).EnsureSuccessStatusCode();
        using var own = await OpenAsync(meg);
        meg.DefaultRequestHeaders.Add(PermissionGate.OrganisationHeader, "org-stream");
        using var acting = await OpenAsync(meg);

        (await boss.DeleteAsync("/api/v1/organisations/org-stream/members/meg-stream", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        await ShouldEndAsync(acting);
        await ShouldGoOnAsync(own);
    }

    [Fact]
    public async Task Stream_OfAPersonWhoAsksToBeErased_Ends()
    {
        using var eva = await Node.NewMemberAsync("eva-stream");
        using var stream = await OpenAsync(eva);

        (await eva.PutAsJsonAsync("/api/v1/users/me/erasure", new { password = "correct horse battery" }, Stop)).StatusCode.ShouldBe(HttpStatusCode.Accepted);

        await ShouldEndAsync(stream);
    }

    [Fact]
    public async Task Socket_OfASessionThatIsEnded_Ends()
    {
        using var sam = await Node.NewMemberAsync("sam-stream");
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", sam.DefaultRequestHeaders.Authorization!.ToString());
        await socket.ConnectAsync(new UriBuilder(Node.Started.Address) { Scheme = "ws", Path = "/api/v1/ws" }.Uri, Stop);
        var received = socket.ReceiveAsync(new byte[100], Stop);

        (await sam.DeleteAsync("/api/v1/sessions", Stop)).StatusCode.ShouldBe(HttpStatusCode.NoContent);

        try
        {
            (await received.WaitAsync(s_patience, Stop)).MessageType.ShouldBe(WebSocketMessageType.Close);
        }
        catch (WebSocketException)
        {
            // Cut off without a goodbye: as good.
        }
    }

    private static async Task<StreamReader> OpenAsync(HttpClient client)
    {
        var response = await client.GetAsync("/api/v1/events", HttpCompletionOption.ResponseHeadersRead, Stop);
        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        var reader = new StreamReader(await response.Content.ReadAsStreamAsync(Stop));
        (await reader.ReadLineAsync(Stop)).ShouldBe(": the stream begins");
        return reader;
    }

    private static async Task ShouldEndAsync(StreamReader stream) => await stream.ReadToEndAsync(Stop).WaitAsync(s_patience, Stop);

    /// <summary>The comment that breaks the silence comes, a second after the last word.</summary>
    private static async Task ShouldGoOnAsync(StreamReader stream)
    {
        string? line;
        do
        {
            line = await stream.ReadLineAsync(Stop).AsTask().WaitAsync(s_patience, Stop);
            line.ShouldNotBeNull("the stream has ended");
        }
        while (line != ":");
    }

    public sealed class NodeOfLittleSilence : SharedNode
    {
        protected override string[] Options => ["--events:keepAliveSeconds", "1"];
    }
}
