from django.urls import path

from yuchang.messages import views

app_name = "messages"
urlpatterns = [
    path("", views.inbox, name="inbox"),
    path("read-all", views.read_all, name="read_all"),
    path("preferences", views.preferences, name="preferences"),
    path("contact", views.contact, name="contact"),
    path("deliveries", views.delivery_list, name="deliveries"),
    path("deliveries/<int:pk>/retry", views.delivery_retry, name="delivery_retry"),
    path("<int:pk>", views.message, name="message"),
    path("<int:pk>/read", views.mark_read, name="mark_read"),
    path("<int:pk>/archive", views.archive, name="archive"),
]
