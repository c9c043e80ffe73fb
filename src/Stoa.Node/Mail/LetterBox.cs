using Stoa.Market.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Mail;

/// <summary>Letters that are written in the transaction of what they tell of, and sent once that is committed.</summary>
/// <remarks>Where the node sends no e-mail they are not kept: nobody wants to hear of last year's when it begins to.</remarks>
public sealed class LetterBox(Mailer mailer, IdSource ids)
{
    /// <summary>Writes to a user.</summary>
    /// <param name="session">The act.</param>
    /// <param name="user">Whose address it goes to, as that is now.</param>
    /// <param name="write">The letter, to somebody of that handle.</param>
    /// <param name="now">UTC.</param>
    public async Task AddAsync(SqlSession session, Id<User> user, Func<string, LetterText> write, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(write);
        if (!mailer.IsOn)
            return;
        // Organisations and users who were erased have none.
        if (await session.QueryFirstOrDefaultAsync<Addressee>("SELECT handle, email FROM users WHERE id = @user", new { user }) is not { } addressee
            || !addressee.Email.Contains('@', StringComparison.Ordinal))
        {
            return;
        }

        var text = write(addressee.Handle);
        await session.SendAsync(
            "INSERT INTO letters (id, recipient, subject, body, attempts, due_at, created_at) VALUES (@id, @Email, @Subject, @Text, 0, @now, @now)",
            new { id = ids.Next<QueuedLetter>(), addressee.Email, text.Subject, text.Text, now });
    }

    private sealed record Addressee(string Handle, string Email);
}

/// <summary>What a letter says.</summary>
/// <param name="Subject">One line.</param>
/// <param name="Text">Lines end with a line feed.</param>
public sealed record LetterText(string Subject, string Text);

/// <summary>A letter on its way.</summary>
/// <param name="Id">Never reused; the letter bears it, so that whoever gets it twice can tell.</param>
/// <param name="Recipient">The address.</param>
/// <param name="Subject">One line.</param>
/// <param name="Body">The text.</param>
/// <param name="Attempts">How often it was tried, with the one that is under way.</param>
public sealed record QueuedLetter(Id<QueuedLetter> Id, string Recipient, string Subject, string Body, int Attempts) : IIdentified
{
    public static string IdPrefix => "letter";
}
