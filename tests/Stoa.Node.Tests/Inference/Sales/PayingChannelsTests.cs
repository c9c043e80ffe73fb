using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Node.Inference.Sales;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Sales;

/// <summary>What is known of channels is forgotten only when nobody has it in hand.</summary>
[Trait("speed", "slow")]
public sealed class PayingChannelsTests
{
    [Fact]
    public async Task Channel_ThatSomebodyHolds_IsTheSameForAll_WhateverIsSwept()
    {
        await using var node = await SellingNode.StartAsync();
        using var buyer = await node.OpenChannelAsync();
        var (channels, payee) = (node.Service<PayingChannels>(), await node.Service<Stoa.Node.PayPerCall.Till>().FindPayeeAsync(TestContext.Current.CancellationToken));
        var (first, hold) = (await HoldAsync(channels, buyer.ChannelId, payee!))!.Value;

        // Found, and no request of it is under way yet.
        channels.SweepNow(TimeSpan.Zero);
        var (second, another) = (await HoldAsync(channels, buyer.ChannelId, payee!))!.Value;

        second.ShouldBeSameAs(first);
        hold.Dispose();
        channels.SweepNow(TimeSpan.Zero);
        channels.Count.ShouldBe(1);
        another.Dispose();
        channels.SweepNow(TimeSpan.FromHours(1));
        channels.Count.ShouldBe(1, "it was asked for a moment ago");
        channels.SweepNow(TimeSpan.Zero);
        channels.Count.ShouldBe(0);
        var (later, last) = (await HoldAsync(channels, buyer.ChannelId, payee!))!.Value;
        later.ShouldNotBeSameAs(first);
        last.Dispose();
    }

    private static async Task<(PayingChannel Channel, IDisposable Hold)?> HoldAsync(PayingChannels channels, Id<Channel> id, User payee) =>
        await channels.HoldAsync(id, payee, TestContext.Current.CancellationToken);
}
