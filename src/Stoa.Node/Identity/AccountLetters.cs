using System.Threading.Channels;
using Stoa.Market.Identity;
using Stoa.Node.Background;
using Stoa.Node.Mail;

namespace Stoa.Node.Identity;

/// <summary>Sends codes to the addresses of accounts, beside the requests that ask for them.</summary>
/// <remarks>
/// A request only puts an address into the queue, whether there is such an account or not, so its answer tells nobody who has one, nor does its time. A letter
/// that is lost because the node stops is asked for again by whoever misses it.
/// </remarks>
public sealed class AccountLetters(IUserStore users, SqlAccountStore accounts, Mailer mailer, Random random, TimeProvider time, ILogger<AccountLetters> logger)
    : BackgroundService
{
    private const int QueueMax = 1000;

    private static readonly TimeSpan[] s_waits = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30)];

    // A mail server that is away holds up each for most of a minute.
    private const int SentAtOnce = 8;

    private readonly FailureLog _failures = new(logger, time);
    private readonly Channel<(MailedCodePurpose Purpose, string Email)> _queue =
        Channel.CreateBounded<(MailedCodePurpose, string)>(new BoundedChannelOptions(QueueMax));

    /// <summary>Has a code sent to an address, if an account has it. More than a thousand that wait are not taken, which the log tells.</summary>
    public void Send(MailedCodePurpose purpose, string email)
    {
        if (!_queue.Writer.TryWrite((purpose, email)))
            _failures.Tell("send codes by letter as fast as they are asked for", new InvalidOperationException($"{QueueMax} wait already; whoever misses one asks again."));
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = SentAtOnce, CancellationToken = stoppingToken };
        await Parallel.ForEachAsync(_queue.Reader.ReadAllAsync(stoppingToken), options, async (asked, cancellationToken) =>
        {
            try
            {
                await SendAsync(asked.Purpose, asked.Email, cancellationToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "A letter with a code ({Purpose}) cannot be sent.", asked.Purpose);
            }
        });
    }

    private async Task SendAsync(MailedCodePurpose purpose, string email, CancellationToken cancellationToken)
    {
        if (email.Length > RegistrationRules.EmailLengthMax || email.Contains('\0', StringComparison.Ordinal)
            || await users.FindByLoginAsync(Users.Normalise(email), cancellationToken) is not { User: var user, PasswordHash: var hash }
            || user.Email != Users.Normalise(email))
        {
            return;
        }

        // An address that only a provider has vouched for must not open the account: whoever runs the provider may have made it up, and would share the account.
        if (hash is null && await accounts.HasIdentityAsync(user.Id, cancellationToken))
            return;

        if (purpose is MailedCodePurpose.Verification && (await accounts.GetAsync(user.Id, cancellationToken)).VerifiedAt is not null)
            return;
        var code = OneTimeCode.Create(MailedCode.Groups, random);
        if (!await accounts.PutCodeAsync(user.Id, purpose, MailedCode.Send(code, purpose, time.GetUtcNow()), cancellationToken))
            return;
        var letter = Write(purpose, user, code);
        foreach (var wait in s_waits)
        {
            try
            {
                await mailer.SendAsync(letter, cancellationToken);
                return;
            }
            catch (MailException away) when (!away.IsForGood)
            {
                logger.LogWarning("A letter to {User} has to wait: {Reason}", user.Id, away.Message);
                await Task.Delay(wait, time, cancellationToken);
            }
        }

        await mailer.SendAsync(letter, cancellationToken);
    }

    private static Letter Write(MailedCodePurpose purpose, User user, OneTimeCode code) => purpose switch
    {
        MailedCodePurpose.Verification => new Letter(
            user.Email,
            "Confirm your address for Stoa",
            $"""
            Hello {user.Handle},

            an account "{user.Handle}" was opened with this address at a Stoa node. This code shows that the address is yours:

                {code.Text}

            Give it with:

                stoa account verify {user.Email}

            It is good for a day. If you have opened no account, do nothing.

            """),
        MailedCodePurpose.PasswordReset => new Letter(
            user.Email,
            "Set your password for Stoa anew",
            $"""
            Hello {user.Handle},

            somebody has asked for a new password for your account "{user.Handle}" at a Stoa node. This code sets it:

                {code.Text}

            Give it with:

                stoa account recover {user.Email}

            It is good for half an hour. If it was not you, do nothing: without the code nothing changes.

            """),
        _ => throw new ArgumentOutOfRangeException(nameof(purpose)),
    };
}
